"""The content of both providers: plain data and the indices that make it quick to reach."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from kbsync.emulator.credentials import Credentials

__all__ = ("Collection", "Dataset", "Doc", "Document", "Image", "SchemaField", "World")


@dataclass(slots=True)
class Image:
    """An image of a Coze dataset. While *busy_until_s* (monotonic) lies ahead, it shows as processing."""

    id: str
    name: str = ""
    caption: str = ""
    status: int = 1
    type: str = "jpg"
    size_bytes: int = 0
    source_type: int = 0
    create_time_s: int = 0
    update_time_s: int = 0
    busy_until_s: float = 0.0


@dataclass(slots=True)
class Document:
    """A document of a Coze dataset. *update_interval_h* counts hours."""

    id: str
    name: str = ""
    update_type: int = 0
    update_interval_h: int = 0
    status: int = 1
    type: str = "pdf"
    format_type: int = 0
    source_type: int = 0
    size_bytes: int = 0
    char_count: int = 0
    slice_count: int = 1
    hit_count: int = 0
    create_time_s: int = 0
    update_time_s: int = 0
    busy_until_s: float = 0.0


@dataclass(slots=True)
class Dataset:
    """A Coze dataset. Both dictionaries run from the least to the most recently updated item."""

    id: str
    name: str = ""
    space_id: str = ""
    description: str = ""
    format_type: int = 0
    create_time_s: int = 0
    update_time_s: int = 0
    images: dict[str, Image] = field(default_factory=dict[str, Image])
    documents: dict[str, Document] = field(default_factory=dict[str, Document])

    def raise_image(self, image: Image) -> None:
        """Make *image* the most recently updated one."""
        self.images.pop(image.id, None)
        self.images[image.id] = image

    def raise_document(self, document: Document) -> None:
        """Make *document* the most recently updated one."""
        self.documents.pop(document.id, None)
        self.documents[document.id] = document


@dataclass(frozen=True, slots=True)
class SchemaField:
    """A label configured in a Volcengine collection; its type rules over the type a request names."""

    name: str
    type: str


@dataclass(slots=True)
class Doc:
    """A document of a Volcengine collection. *meta* is the JSON text of a list, as the API gives it."""

    id: str
    name: str = ""
    meta: str = "[]"
    type: str = "pdf"
    add_type: str = "url"
    url: str = ""
    description: str = ""
    size_bytes: int = 0
    point_num: int = 1
    process_status: int = 0
    create_time_s: int = 0
    update_time_s: int = 0
    busy_until_s: float = 0.0
    serial: int = 0


@dataclass(slots=True)
class Collection:
    """A Volcengine collection. *docs* runs from the oldest to the newest upload, and so does *order*."""

    name: str
    project: str = "default"
    resource_id: str = ""
    description: str = ""
    create_time_s: int = 0
    update_time_s: int = 0
    fields: tuple[SchemaField, ...] = ()
    docs: dict[str, Doc] = field(default_factory=dict[str, Doc])
    order: list[Doc] = field(default_factory=list[Doc])

    def add(self, doc: Doc) -> None:
        """Upload *doc* as the newest, in the place of one with the same id."""
        self.remove(doc.id)
        doc.serial = self.order[-1].serial + 1 if self.order else 1
        self.docs[doc.id] = doc
        self.order.append(doc)

    def remove(self, doc_id: str) -> None:
        """Forget a document, if there is one with this id."""
        doc = self.docs.pop(doc_id, None)
        if doc is not None:
            self.order.remove(doc)

    def field_type(self, name: str) -> str | None:
        """Give the configured type of a label, or None when it is not configured."""
        return next((entry.type for entry in self.fields if entry.name == name), None)


class World:
    """Everything the emulator knows: credentials, Coze datasets, Volcengine collections.

    Coze ids are unique over all datasets, because a document update names no dataset.
    """

    def __init__(
        self,
        credentials: Credentials | None = None,
        datasets: Iterable[Dataset] = (),
        collections: Iterable[Collection] = (),
    ) -> None:
        self.credentials = Credentials() if credentials is None else credentials
        self.datasets: dict[str, Dataset] = {}
        self.collections: dict[tuple[str, str], Collection] = {}
        self.resources: dict[str, Collection] = {}
        self.image_homes: dict[str, Dataset] = {}
        self.document_homes: dict[str, Dataset] = {}
        for dataset in datasets:
            self.add_dataset(dataset)
        for collection in collections:
            self.add_collection(collection)

    def add_dataset(self, dataset: Dataset) -> None:
        """Take in *dataset* with its items."""
        self.datasets[dataset.id] = dataset
        self.image_homes.update(dict.fromkeys(dataset.images, dataset))
        self.document_homes.update(dict.fromkeys(dataset.documents, dataset))

    def add_collection(self, collection: Collection) -> None:
        """Take in *collection* with its documents."""
        self.collections[collection.project, collection.name] = collection
        if collection.resource_id:
            self.resources[collection.resource_id] = collection

    def put_image(self, dataset: Dataset, image: Image) -> None:
        """Add or replace an image."""
        dataset.raise_image(image)
        self.image_homes[image.id] = dataset

    def put_document(self, dataset: Dataset, document: Document) -> None:
        """Add or replace a Coze document."""
        dataset.raise_document(document)
        self.document_homes[document.id] = dataset

    def drop_image(self, image_id: str) -> None:
        """Forget an image, if there is one with this id."""
        home = self.image_homes.pop(image_id, None)
        if home is not None:
            del home.images[image_id]

    def drop_document(self, document_id: str) -> None:
        """Forget a Coze document, if there is one with this id."""
        home = self.document_homes.pop(document_id, None)
        if home is not None:
            del home.documents[document_id]
