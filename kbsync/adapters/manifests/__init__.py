"""Manifests in YAML, JSON, JSON Lines and CSV: read as desired items, with mistakes as problems, and written anew."""

from kbsync.adapters.manifests.cache import PlanCache
from kbsync.adapters.manifests.cache_file import CacheLostError
from kbsync.adapters.manifests.declared import DeclaredReader, fingerprint
from kbsync.adapters.manifests.declaring import Declarer
from kbsync.adapters.manifests.files import (
    MAX_DOCUMENT_BYTES,
    ManifestFile,
    UnreadableError,
    find_files,
    format_of,
    is_manifest,
)
from kbsync.adapters.manifests.formatting import Formatter, comments_of
from kbsync.adapters.manifests.quick import Select, Settled
from kbsync.adapters.manifests.reader import ManifestReader, ManifestStream, read_manifests
from kbsync.adapters.manifests.schema import manifest_schema, row_schema
from kbsync.adapters.manifests.spool import Spool, SpooledContainer
from kbsync.adapters.manifests.survey import Survey, survey_manifests
from kbsync.adapters.manifests.writing import Writer, left_behind

__all__ = (
    "MAX_DOCUMENT_BYTES",
    "CacheLostError",
    "DeclaredReader",
    "Declarer",
    "Formatter",
    "ManifestFile",
    "ManifestReader",
    "ManifestStream",
    "PlanCache",
    "Select",
    "Settled",
    "Spool",
    "SpooledContainer",
    "Survey",
    "UnreadableError",
    "Writer",
    "comments_of",
    "find_files",
    "fingerprint",
    "format_of",
    "is_manifest",
    "left_behind",
    "manifest_schema",
    "read_manifests",
    "row_schema",
    "survey_manifests",
)
