"""What people and tools write where a caption is still to be written."""

import re
from typing import Final

__all__ = ("BEGINNINGS", "ENDS", "LONG_BEGINNINGS", "MAX_WORD_CHARACTERS", "is_placeholder")

_EDGES: Final = " \t\n\r\u3000.,:;!?*#_=+~|/\\'\"`^&@$%()[]{}<>-·…—–、。，：；！？（）【】《》「」『』“”‘’～"
_WORDS: Final = frozenset(
    {
        *("", "todo", "to do", "tbd", "tba", "tbc", "fixme", "xxx", "wip", "pending", "placeholder", "untitled"),
        *("n/a", "na", "nan", "nil", "none", "null", "undefined", "no caption", "no description", "caption here"),
        *("caption", "description", "image", "picture", "photo", "pic", "img", "test", "example", "lorem ipsum"),
        *("待补充", "待填写", "待完善", "待添加", "待更新", "待定", "待标注"),
        *("占位", "占位符", "未命名", "测试", "示例"),
        *("无", "空", "暂无", "暂无描述", "暂无标注", "没有描述", "无描述"),
        *("图片", "照片", "图像", "图", "描述", "标注", "图片描述"),
    }
)
# Longer than every word and what usually stands around it.
MAX_WORD_CHARACTERS: Final = 24
_UNFINISHED: Final = re.compile(r"(?:todo|fixme|tbd)\s*[:：].*|lorem ipsum.*", re.IGNORECASE | re.DOTALL)
_TEMPLATE: Final = re.compile(r"(?:\{\{|\$\{|\{%).*\}|<[^<>]*>", re.DOTALL)
_FILE_NAME: Final = re.compile(r"[^\s/]*[^\s/.]\.(?:jpe?g|png|gif|webp|bmp|heic|tiff?|svg)", re.IGNORECASE)
# One of these is the first character of every placeholder, or one of those the last; of one with more characters than a
# word has, it is one of the long ones.
BEGINNINGS: Final = frozenset(_EDGES) | {letter for word in _WORDS if word for letter in (word[0], word[0].upper())}
LONG_BEGINNINGS: Final = frozenset("TtFfLl")
ENDS: Final = frozenset("}>GgFfPpCc")


def is_placeholder(caption: str) -> bool:
    """Tell whether *caption*, which is not empty, says nothing of its image, whatever that shows.

    It is so when it is one of a few words whatever stands around them, nothing but punctuation, a template that nobody
    filled in, or the name of an image file. A caption that merely holds such words is none.
    """
    if len(caption) <= MAX_WORD_CHARACTERS:
        word = caption.strip(_EDGES)
        if (word.lower() if word.isascii() else word) in _WORDS:
            return True
    first, last = caption[0], caption[-1]
    if first in LONG_BEGINNINGS and _UNFINISHED.fullmatch(caption) is not None:
        return True
    if last in "}>":
        return _TEMPLATE.fullmatch(caption) is not None
    return last in ENDS and "." in caption[-5:-2] and _FILE_NAME.fullmatch(caption) is not None
