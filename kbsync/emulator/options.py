"""What the emulator can be told on the command line, as a value and as a table."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

__all__ = ("OPTIONS", "Option", "Options")


@dataclass(frozen=True, slots=True)
class Options:
    """Everything `run` needs. Texts are as typed; `kbsync.emulator.building` reads them."""

    host: str = "127.0.0.1"
    port: int = 0
    data: Path | None = None
    images: int = 30
    documents: int = 20
    docs: int = 30
    config_folder: Path | None = None
    rate: tuple[str, ...] = ()
    rate_window: str = "sliding"
    throttle: str = ""
    latency: str = ""
    fault: float = 0.0
    faults: str = "storm"
    rules: Path | None = None
    outage: tuple[str, ...] = ()
    max_faults_in_row: int = 3
    seed: int = 0
    meta_mode: str = "replace"
    behave: tuple[str, ...] = ()
    clock_offset: float = 0.0
    oauth_app: tuple[str, ...] = field(default=())


class Option(NamedTuple):
    """One flag: the member of `Options` it sets, what it takes, what it does."""

    member: str
    kind: Literal["text", "whole", "number", "path"]
    metavar: str
    about: str
    repeated: bool = False
    choices: tuple[str, ...] = ()

    @property
    def flag(self) -> str:
        """Write it as on the command line."""
        return "--" + self.member.replace("_", "-")


OPTIONS: tuple[Option, ...] = (
    Option("host", "text", "ADDRESS", "Listen there; anything but loopback lets others in."),
    Option("port", "whole", "N", "Listen on this port; 0 picks a free one."),
    Option("data", "path", "FILE", "Load the content from FILE if it exists, and save it there at the end."),
    Option("images", "whole", "N", "Make up N Coze images."),
    Option("documents", "whole", "N", "Make up N Coze documents."),
    Option("docs", "whole", "N", "Make up N Volcengine documents."),
    Option("config_folder", "path", "FOLDER", "Leave kbsync.toml and the secrets there; else in a temporary folder."),
    Option("rate", "text", "[WHOSE=]RATE", "Hold a credential, a provider or all to a rate like 5/s.", repeated=True),
    Option("rate_window", "text", "KIND", "How seconds are counted.", choices=("sliding", "fixed")),
    Option("throttle", "text", "MIX", "How too many requests are answered, like http_429=1,code_throttled=1."),
    Option("latency", "text", "MS[-MS]", "Take so many milliseconds for each answer."),
    Option("fault", "number", "SHARE", "Hit this share of all requests with a fault, like 0.2."),
    Option("faults", "text", "MIX", "Which faults: a preset or a mix like http_500=2,disconnect_after=1."),
    Option("rules", "path", "FILE", "Read fault rules from a JSON file; they come before --fault."),
    Option("outage", "text", "FROM-UNTIL", "Be down between these seconds after the start.", repeated=True),
    Option("max_faults_in_row", "whole", "N", "Let each item through after N faults of --fault; 0 for no cap."),
    Option("seed", "whole", "N", "Repeat the same faults for the same seed."),
    Option("meta_mode", "text", "MODE", "What update_meta does to other fields.", choices=("replace", "merge")),
    Option("behave", "text", "NAME=VALUE", "Change a behaviour, like page_base=0 or normalise=trim.", repeated=True),
    Option("clock_offset", "number", "SECONDS", "Let the server's clock be off."),
    Option(
        "oauth_app", "text", "ID,KEY_ID,FILE", "Know this Coze service application by its public key.", repeated=True
    ),
)
