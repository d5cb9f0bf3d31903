"""Many photos at once: select, order, apply in chunks, undo. These functions open the transactions."""

from magicroll.operations.ordering import NothingSelected, Order, begin, stop, undo
from magicroll.operations.running import outstanding, run_some, tidy
from magicroll.operations.selecting import Selection, UnknownPlace, chosen_ids, offer, page, span
from magicroll.operations.words import told

__all__ = [
    "NothingSelected",
    "Order",
    "Selection",
    "UnknownPlace",
    "begin",
    "chosen_ids",
    "offer",
    "outstanding",
    "page",
    "run_some",
    "span",
    "stop",
    "tidy",
    "told",
    "undo",
]
