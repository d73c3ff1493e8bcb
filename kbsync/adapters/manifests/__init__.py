"""Manifest readers: YAML, JSON, JSON Lines and CSV become desired items, and mistakes become problems."""

from kbsync.adapters.manifests.files import ManifestFile, find_files
from kbsync.adapters.manifests.reader import ManifestReader, ManifestStream, read_manifests

__all__ = ("ManifestFile", "ManifestReader", "ManifestStream", "find_files", "read_manifests")
