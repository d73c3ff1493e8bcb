"""The emulated Coze open platform."""

from kbsync.emulator.coze.service import Coze

__all__ = ("Coze",)
