"""Recognition while somebody still speaks: pieces of sound in, text out. See chapter 16."""

from ds2np.streaming.network import Piece, run_pieces
from ds2np.streaming.pauses import Pauses
from ds2np.streaming.session import Session
from ds2np.streaming.stream import Stream

__all__ = ["Pauses", "Piece", "Session", "Stream", "run_pieces"]
