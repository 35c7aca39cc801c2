"""Who may ask: keys, origins, host names."""

import json
import urllib.error
import urllib.request

import openai
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from ds2np.serve.guard import is_local

from .conftest import serving
from .test_transcriptions import ask, make_wav

KEY = "a-long-key"


@pytest.fixture(scope="module")
def keyed():
    with serving(key=KEY) as one:
        yield one


def get(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code if json.loads(error.read())["error"]["message"] else None


def test_keys(keyed):
    good = openai.OpenAI(base_url=f"{keyed.http}/v1", api_key=KEY, max_retries=0)
    assert ask(good, make_wav(3000)).text
    for wrong in ("another", KEY[:-1], KEY + "x"):
        with pytest.raises(openai.AuthenticationError):
            ask(openai.OpenAI(base_url=f"{keyed.http}/v1", api_key=wrong), make_wav(3000))
    assert get(f"{keyed.http}/metrics") == 401
    assert get(f"{keyed.http}/health") == 200


def test_keys_of_streams(keyed):
    with pytest.raises(InvalidStatus) as caught:
        connect(keyed.ws)
    assert caught.value.response.status_code == 401
    with connect(keyed.ws, additional_headers={"Authorization": f"Bearer {KEY}"}):
        pass
    with connect(keyed.ws, subprotocols=[f"key.{KEY}"]) as socket:  # as a page does it
        assert socket.subprotocol == f"key.{KEY}"


def test_pages_from_elsewhere(served):
    own = f"http://127.0.0.1:{served.port}"
    with connect(served.ws, origin=own):
        pass
    for origin in ("http://example.org", "http://127.0.0.1:1", "null"):
        with pytest.raises(InvalidStatus) as caught:
            connect(served.ws, origin=origin)
        assert caught.value.response.status_code == 403
        assert get(f"{served.http}/health", Origin=origin) == 403
    assert get(f"{served.http}/health", Origin=own) == 200


def test_names_that_point_to_this_machine(served):
    assert get(f"{served.http}/health", Host=f"localhost:{served.port}") == 200
    assert get(f"{served.http}/health", Host="[::1]") == 200
    assert get(f"{served.http}/health", Host="rebound.example") == 403


@pytest.mark.parametrize(
    ("host", "local"),
    [
        *((host, True) for host in ("127.0.0.1", "127.3.0.1", "::1", "localhost")),
        *((host, False) for host in ("0.0.0.0", "::", "192.168.0.2", "example.org")),
    ],
)
def test_addresses_of_this_machine(host, local):
    assert is_local(host) == local


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--host", "0.0.0.0"], "opens the server to other machines; give --api-key-file"),
        (["--api-key-file", "missing"], "missing cannot be read"),
    ],
)
def test_the_command_refuses(ds2np, options, message):
    code, _, err = ds2np("serve", "no-run", *options)
    assert code == 2
    assert message in err
