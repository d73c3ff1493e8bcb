"""What people and tools write where a caption is still to be written."""

import re
from typing import Final

__all__ = ("MAX_PLACEHOLDER_CHARACTERS", "is_placeholder")

MAX_PLACEHOLDER_CHARACTERS: Final = 80
_EDGES: Final = " \t\n\r\u3000.,:;!?*#_=+~|/\\'\"`^&@$%()[]{}<>-·…—–、。，：；！？（）【】《》「」『』“”‘’～"
_WORDS: Final = frozenset(
    {
        *("", "todo", "to do", "tbd", "tba", "tbc", "fixme", "xxx", "wip", "pending", "placeholder", "untitled"),
        *("n/a", "na", "nan", "nil", "none", "null", "undefined", "no caption", "no description", "caption here"),
        *("caption", "description", "image", "picture", "photo", "pic", "img", "test", "example", "lorem ipsum"),
        *(
            "待补充",
            "待填写",
            "待完善",
            "待添加",
            "待更新",
            "待定",
            "待标注",
            "占位",
            "占位符",
            "未命名",
            "测试",
            "示例",
        ),
        *("无", "空", "暂无", "暂无描述", "暂无标注", "没有描述", "无描述"),
        *("图片", "照片", "图像", "图", "描述", "标注", "图片描述"),
    }
)
_FORMS: Final = re.compile(
    r"(?:todo|fixme|tbd)\s*[:：].*"
    r"|lorem ipsum.*"
    r"|\{\{.*\}\}|\$\{.*\}|\{%.*%\}|<[^<>]*>"
    r"|[^\s/]*[^\s/.]\.(?:jpe?g|png|gif|webp|bmp|heic|tiff?|svg)",
    re.IGNORECASE | re.DOTALL,
)


def is_placeholder(caption: str) -> bool:
    """Tell whether *caption* says nothing of its image, whatever that shows.

    It is so when it is one of a few words whatever stands around them, nothing but punctuation, a template that nobody
    filled in, or the name of an image file. A caption that merely holds such words is none.
    """
    return caption.casefold().strip(_EDGES) in _WORDS or _FORMS.fullmatch(caption.strip()) is not None
