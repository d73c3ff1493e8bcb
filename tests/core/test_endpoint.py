import pytest

from kbsync.core.endpoint import EndpointError, parse_endpoint

HOSTS = ("api.coze.cn", "kb.*.volces.com")


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.coze.cn", "https://api.coze.cn"),
        ("https://API.coze.cn/", "https://api.coze.cn"),
        ("https://kb.cn-beijing.volces.com:443", "https://kb.cn-beijing.volces.com:443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:9", "http://[::1]:9"),
        ("https://api.coze.cn:1", "https://api.coze.cn:1"),
        ("https://api.coze.cn:65535", "https://api.coze.cn:65535"),
    ],
)
def test_a_plain_origin_of_the_provider_or_of_loopback_is_taken(url: str, origin: str) -> None:
    assert str(parse_endpoint(url, HOSTS)) == origin


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("http://api.coze.cn", "insecure-url"),
        ("https://api.coze.cn@evil.com", "config"),
        ("https://api.coze.cn.evil.com", "foreign-endpoint"),
        ("https://kb.cn-beijing.evilvolces.com", "foreign-endpoint"),
        ("https://kb.volces.com", "foreign-endpoint"),
        ("https://kb.evil.cn-beijing.volces.com", "foreign-endpoint"),
        ("https://bucket.tos-cn-beijing.volces.com", "foreign-endpoint"),
        ("https://kb.cn-beijing.volces.com.evil.com", "foreign-endpoint"),
        ("https://evilapi.coze.cn", "foreign-endpoint"),
        ("https://sub.api.coze.cn", "foreign-endpoint"),
        ("//evil", "config"),
        ("file:///etc/passwd", "config"),
        ("https://127.1", "foreign-endpoint"),
        ("http://127.1", "insecure-url"),
        ("http://0x7f000001", "insecure-url"),
        ("https://169.254.169.254", "foreign-endpoint"),
        ("https://user:pass@api.coze.cn", "config"),
        ("https://api.coze.cn:0", "config"),
        ("https://api.coze.cn:65536", "config"),
        ("https://api.coze.cn/../", "config"),
        ("https://api.coze.cn/v1", "config"),
        ("https://api.coze.cn?x=1", "config"),
        ("https://api.coze.cn#f", "config"),
        ("https://api。coze.cn", "config"),
        ("https://api.coze.cn\\@evil.com", "config"),
        ("https://api.coze.cn\n", "config"),
        ("", "config"),
    ],
)
def test_anything_else_is_refused(url: str, rule: str) -> None:
    with pytest.raises(EndpointError) as refused:
        parse_endpoint(url, HOSTS)

    assert refused.value.rule == rule


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("api.coze.cn", "write a base URL as https://HOST or https://HOST:PORT, in ASCII, and no more"),
        ("https://api.coze.cn:0", "the port of a base URL is between 1 and 65535"),
        ("http://api.coze.cn", "credentials travel over https only; http is for a loopback host"),
        (
            "https://Evil.com",
            "evil.com is not one of the provider's hosts (api.coze.cn, kb.*.volces.com); is it meant?",
        ),
    ],
)
def test_a_refusal_says_what_to_write_instead(url: str, message: str) -> None:
    with pytest.raises(EndpointError) as refused:
        parse_endpoint(url, HOSTS)

    assert str(refused.value) == message


def test_a_foreign_host_has_to_be_meant() -> None:
    with pytest.raises(EndpointError):
        parse_endpoint("https://kb.example.com", HOSTS)


def test_a_foreign_host_can_be_meant() -> None:
    assert parse_endpoint("https://kb.example.com", HOSTS, any_host=True).host == "kb.example.com"


def test_a_foreign_host_that_is_meant_still_needs_https() -> None:
    with pytest.raises(EndpointError) as refused:
        parse_endpoint("http://kb.example.com", HOSTS, any_host=True)

    assert refused.value.rule == "insecure-url"
