"""The pages under /local by which faults are set, read and taken back: unsigned, on loopback."""

import json

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kalshi_assets.local_exchange.errors import BadFaultRule
from kalshi_assets.local_exchange.faults.controls import Controls
from kalshi_assets.local_exchange.gate import json_response


def fault_routes(controls: Controls) -> list[Route]:
    """Return the routes of the pages."""
    pages = FaultPages(controls)
    return [
        Route("/local/faults", pages.show),
        Route("/local/faults", pages.add, methods=["POST"]),
        Route("/local/faults", pages.remove, methods=["DELETE"]),
        Route("/local/faults/{fault_id:int}", pages.remove, methods=["DELETE"]),
        Route("/local/disconnect", pages.disconnect, methods=["POST"]),
    ]


class FaultPages:
    """The controls as pages."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls

    async def show(self, request: Request) -> Response:
        """Answer what is set, whether it holds now, how often it struck."""
        return json_response(self._controls.view(), 200)

    async def add(self, request: Request) -> Response:
        """Set a rule or a list of rules; answer their ids."""
        try:
            document = json.loads(await request.body())
            rules = document if isinstance(document, list) else [document]
            ids = self._controls.add(rules, place="POST /local/faults")
        except ValueError as exc:
            return json_response({"error": f"the body is not JSON: {exc}"}, 400)
        except BadFaultRule as exc:
            return json_response({"error": str(exc)}, 400)
        return json_response({"ids": ids}, 201)

    async def remove(self, request: Request) -> Response:
        """Take one rule back, or all; answer them as they were."""
        fault_id = request.path_params.get("fault_id")
        removed = self._controls.remove(fault_id)
        if fault_id is not None and not removed:
            return json_response({"error": f"no fault {fault_id}: GET lists those there are"}, 404)
        return json_response({"removed": removed}, 200)

    async def disconnect(self, request: Request) -> Response:
        """Cut all WebSockets."""
        self._controls.disconnect_all()
        return json_response(None, 204)
