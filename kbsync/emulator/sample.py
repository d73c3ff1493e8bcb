"""A made-up world of any size, the same every time."""

import orjson

from kbsync.emulator.credentials import AccessKey, ApiKey, Credentials, Token
from kbsync.emulator.world import Collection, Dataset, Doc, Document, Image, SchemaField, World

__all__ = (
    "SAMPLE_ACCESS_KEY_ID",
    "SAMPLE_API_KEY",
    "SAMPLE_COLLECTION",
    "SAMPLE_DATASET",
    "SAMPLE_RESOURCE_ID",
    "SAMPLE_SECRET_ACCESS_KEY",
    "SAMPLE_SPACE",
    "SAMPLE_TOKEN",
    "sample_credentials",
    "sample_doc_id",
    "sample_document_id",
    "sample_image_id",
    "sample_world",
)

SAMPLE_TOKEN = "pat_emulator_sample_token"  # noqa: S105 - open to all
SAMPLE_ACCESS_KEY_ID = "AKLTEMULATORSAMPLE"
SAMPLE_SECRET_ACCESS_KEY = "emulator-sample-secret-key=="  # noqa: S105 - open to all
SAMPLE_API_KEY = "emulator-sample-api-key"
SAMPLE_SPACE = "736142423532160001"
SAMPLE_DATASET = "744632974166804001"
SAMPLE_COLLECTION = "test_collection_name"
SAMPLE_RESOURCE_ID = "kb-emulator0001"

# 19 digits, so that anything that rounds an id through a double is caught.
_FIRST_IMAGE = 7446670805219090001
_FIRST_DOCUMENT = 7386942056030100001
_EPOCH_S = 1_719_907_964

_WHO = ("小猫", "小狗", "白鹭", "松鼠", "金鱼", "骆驼", "蜜蜂", "老虎")
_WHERE = ("在窗台上", "在草地里", "在雪地里", "在河边", "在树下", "在屋顶上", "在沙滩上")
_WHAT = ("打盹", "奔跑", "晒太阳", "喝水", "玩耍", "张望")
_TOPICS = ("年报", "合同", "产品手册", "会议纪要", "常见问题", "价目表", "技术白皮书")
_TRADES = ("企业服务", "制造", "教育", "医疗", "零售")


def sample_image_id(number: int) -> str:
    """Give the id of the sample image with this 0-based *number*."""
    return str(_FIRST_IMAGE + number)


def sample_document_id(number: int) -> str:
    """Give the id of the sample Coze document with this 0-based *number*."""
    return str(_FIRST_DOCUMENT + number)


def sample_doc_id(number: int) -> str:
    """Give the id of the sample Volcengine document with this 0-based *number*."""
    return f"doc_{number:07d}"


def sample_credentials() -> Credentials:
    """Give one token, one key pair and one API key, all well known and all-powerful."""
    return Credentials(
        tokens=(Token("sample-token", SAMPLE_TOKEN),),
        access_keys=(AccessKey("sample-key", SAMPLE_ACCESS_KEY_ID, SAMPLE_SECRET_ACCESS_KEY),),
        api_keys=(ApiKey("sample-api-key", SAMPLE_API_KEY),),
    )


def sample_world(images: int = 30, documents: int = 20, docs: int = 30) -> World:
    """Make up one Coze dataset with *images* and *documents*, and one Volcengine collection with *docs*."""
    dataset = Dataset(SAMPLE_DATASET, "示例知识库", SAMPLE_SPACE, format_type=2, create_time_s=_EPOCH_S)
    dataset.images = {image.id: image for image in map(_image, range(images))}
    dataset.documents = {document.id: document for document in map(_document, range(documents))}
    collection = Collection(
        SAMPLE_COLLECTION,
        resource_id=SAMPLE_RESOURCE_ID,
        description="示例知识库",
        create_time_s=_EPOCH_S,
        update_time_s=_EPOCH_S,
        fields=(
            SchemaField("行业", "string"),
            SchemaField("是否公开", "bool"),
            SchemaField("year", "int64"),
            SchemaField("score", "float32"),
            SchemaField("tags", "list<string>"),
        ),
    )
    for number in range(docs):
        collection.add(_doc(number))
    return World(sample_credentials(), [dataset], [collection])


def _pick(choices: tuple[str, ...], number: int) -> str:
    return choices[number % len(choices)]


def _image(number: int) -> Image:
    caption = f"{_pick(_WHO, number)}{_pick(_WHERE, number // 8)}{_pick(_WHAT, number // 3)} {number}"
    time_s = _EPOCH_S + number
    return Image(
        sample_image_id(number),
        f"图片-{number:06d}.jpg",
        caption,
        size_bytes=14_000 + number % 997,
        create_time_s=time_s,
        update_time_s=time_s,
    )


def _document(number: int) -> Document:
    is_web = number % 3 == 0
    time_s = _EPOCH_S + number
    return Document(
        sample_document_id(number),
        f"{2020 + number % 6} {_pick(_TOPICS, number)} {number}" + ("" if is_web else ".pdf"),
        update_type=1 if is_web else 0,
        update_interval_h=24 if is_web else 0,
        type="html" if is_web else "pdf",
        source_type=1 if is_web else 0,
        size_bytes=20_000 + number % 991,
        char_count=4_000 + number % 499,
        create_time_s=time_s,
        update_time_s=time_s,
    )


def _doc(number: int) -> Doc:
    meta = [
        {"field_name": "行业", "field_type": "string", "field_value": _pick(_TRADES, number)},
        {"field_name": "是否公开", "field_type": "bool", "field_value": number % 2 == 0},
        {"field_name": "year", "field_type": "int64", "field_value": 2020 + number % 6},
    ]
    time_s = _EPOCH_S + number
    return Doc(
        sample_doc_id(number),
        f"{2020 + number % 6} 年{_pick(_TOPICS, number)} {number}.pdf",
        orjson.dumps(meta).decode(),
        url=f"https://files.invalid/{number}.pdf",
        size_bytes=20_000 + number % 991,
        create_time_s=time_s,
        update_time_s=time_s,
    )
