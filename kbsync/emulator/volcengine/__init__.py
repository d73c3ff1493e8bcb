"""The emulated Volcengine knowledge base."""

from kbsync.emulator.volcengine.service import Volcengine

__all__ = ("Volcengine",)
