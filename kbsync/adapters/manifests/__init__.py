"""Manifests in YAML, JSON, JSON Lines and CSV: read as desired items, with mistakes as problems, and written anew."""

from kbsync.adapters.manifests.admission import Admission, keys_saying, path_of, plain_of, with_fields
from kbsync.adapters.manifests.amending import Amender, amended
from kbsync.adapters.manifests.cache import PlanCache
from kbsync.adapters.manifests.cache_file import CacheLostError
from kbsync.adapters.manifests.declared import Declared, DeclaredReader, Fingerprint, fingerprint, keys_of
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
from kbsync.adapters.manifests.order import id_order
from kbsync.adapters.manifests.quick import Select, Settled
from kbsync.adapters.manifests.reader import ManifestReader, ManifestStream, read_manifests
from kbsync.adapters.manifests.schema import manifest_schema, row_schema
from kbsync.adapters.manifests.spool import Spool, SpooledContainer
from kbsync.adapters.manifests.spots import Amendment
from kbsync.adapters.manifests.survey import Survey, survey_manifests
from kbsync.adapters.manifests.worklist import worklist
from kbsync.adapters.manifests.writing import Writer, left_behind

__all__ = (
    "MAX_DOCUMENT_BYTES",
    "Admission",
    "Amender",
    "Amendment",
    "CacheLostError",
    "Declared",
    "DeclaredReader",
    "Declarer",
    "Fingerprint",
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
    "amended",
    "comments_of",
    "find_files",
    "fingerprint",
    "format_of",
    "id_order",
    "is_manifest",
    "keys_of",
    "keys_saying",
    "left_behind",
    "manifest_schema",
    "path_of",
    "plain_of",
    "read_manifests",
    "row_schema",
    "survey_manifests",
    "with_fields",
    "worklist",
)
