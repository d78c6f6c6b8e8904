"""From a signal to an order, and back from the venue: judge, intent, send, record, reconcile."""
