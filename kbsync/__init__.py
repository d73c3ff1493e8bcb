"""kbsync: keep the descriptive data of large AI knowledge bases equal to a manifest in git."""

__all__ = ("__version__",)

__version__ = "0.1.0"
