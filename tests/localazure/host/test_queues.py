"""The queue trigger and the queue output: leases, retries, poison, encodings."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from localazure.client import await_until
from tests.localazure.host.conftest import StartHost
from tests.localazure.host.hosts import Account, Host

LEASE = 2  # seconds
RETRY = 1  # seconds


@pytest.fixture(scope="module")
def slow_account(new_host_account: Callable[[], Account]) -> Account:
    """Return the account of `slow`."""
    return new_host_account()


@pytest.fixture(scope="module")
def slow(start_host: StartHost, slow_account: Account) -> Iterator[Host]:
    """Start a host with short leases, one message at a time, two threads, and a pause before a retry, by settings."""
    settings = {
        "AzureFunctionsJobHost__extensions__queues__batchSize": "1",
        "PYTHON_THREADPOOL_THREAD_COUNT": "2",
        "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": f"00:00:0{RETRY}",
    }
    with start_host(slow_account, "--message-lease", str(LEASE), **settings) as started:
        yield started


def test_a_handled_message_is_deleted(host: Host, account: Account, text: str) -> None:
    """It is handled once, and its handler sees what the service says of it."""
    account.send("work", text)
    [seen] = host.wait_for(work=text)
    assert (seen["count"], seen["receipt"]) == (1, True)
    inserted, expires, visible = (datetime.fromisoformat(seen[name]) for name in ("inserted", "expires", "visible"))
    assert expires - inserted == timedelta(days=7)
    assert timedelta(seconds=595) < visible - inserted < timedelta(seconds=615)  # the lease of ten minutes
    await_until(lambda: account.queue("work").get_queue_properties().approximate_message_count == 0, 5)


def test_a_message_that_keeps_failing_is_poisoned(host: Host, account: Account, text: str) -> None:
    """After maxDequeueCount attempts, at once by default, its text goes to the poison queue and is handled there."""
    account.send("work", f"fail {text}")
    host.wait_for(poison=f"fail {text}", count=1)
    assert [line["count"] for line in host.lines(work=f"fail {text}")] == [1, 2]


def test_a_message_that_succeeds_is_not_poisoned(host: Host, account: Account, text: str) -> None:
    """The poison queue sees nothing of it."""
    account.send("work", text)
    host.wait_for_text("on_work")
    host.wait_for(work=text)
    assert not host.lines(poison=text)


def test_a_poison_queue_has_no_poison_queue(host: Host, account: Account) -> None:
    """What fails there stays hidden for the rest of its lease, lest it loop."""
    account.send("work-poison", "fail for ever")
    host.wait_for(poison="fail for ever")
    host.wait_for_text("failed: RuntimeError: fail for ever")
    with account.queue("work-poison") as poison:
        assert not poison.peek_messages()
        assert poison.get_queue_properties().approximate_message_count == 1
    assert len(host.lines(poison="fail for ever")) == 1


@pytest.mark.parametrize("raw", ["not base64!", '{"TWFu"}', base64.b64encode(b"\xff\xfe").decode()])
def test_what_cannot_be_decoded_is_poisoned_as_it_is(host: Host, account: Account, raw: str) -> None:
    """The handler never sees it, and the poison queue gets the very text."""
    before = [line for line in host.lines() if "raw" in line]
    with account.queue("raw") as queue, account.queue("raw-poison") as poison:
        queue.send_message(raw)
        await_until(lambda: poison.get_queue_properties().approximate_message_count, 10)
        message = poison.receive_message()
        assert message is not None
        assert message.content == raw
        poison.delete_message(message)
    account.send("raw", f"after {raw}")
    host.wait_for(raw=f"after {raw}")
    assert len([line for line in host.lines() if "raw" in line]) == len(before) + 1


def test_a_delayed_message_is_seen_later(host: Host, account: Account, text: str) -> None:
    """The producer's visibility delay holds."""
    began = time.monotonic()
    account.send("work", text, visibility_timeout=2)
    host.wait_for(work=text)
    assert time.monotonic() - began >= 1


def test_a_long_run_keeps_its_message(slow: Host, slow_account: Account) -> None:
    """The lease is renewed while the handler works, so nobody else gets the message, and it is deleted after."""
    slow_account.send("work", "sleep 3.0")
    slow.wait_for(work="sleep 3.0")
    threading.Event().wait(LEASE + 0.4)
    assert not slow_account.queue("work").peek_messages()
    slow.wait_for(slept="sleep 3.0")
    await_until(lambda: slow_account.queue("work").get_queue_properties().approximate_message_count == 0, 5)
    assert len(slow.lines(work="sleep 3.0")) == 1


def test_a_failed_message_waits_for_its_retry(slow: Host, slow_account: Account, text: str) -> None:
    """`visibilityTimeout`, here set by an app setting, is the pause before an attempt; after the last there is none."""
    slow_account.send("work", f"fail {text}")
    slow.wait_for(work=f"fail {text}")
    began = time.monotonic()
    slow.wait_for(2, work=f"fail {text}")
    assert time.monotonic() - began >= RETRY - 0.3
    slow.wait_for(poison=f"fail {text}", timeout=RETRY - 0.2)


def test_a_message_that_ended_its_hosts_is_poisoned_unseen(
    start_host: StartHost, new_host_account: Callable[[], Account], text: str
) -> None:
    """One that was taken maxDequeueCount times and neither deleted nor released is not tried again."""
    account = new_host_account()
    account.send("work", text)
    with account.queue("work") as queue:
        for _ in range(2):
            taken = queue.receive_message()
            assert taken is not None
            queue.update_message(taken, visibility_timeout=0)
    with start_host(account) as host:
        host.wait_for(poison=text, count=1)
        assert not host.lines(work=text)


def test_the_host_wakes_its_own_listener(
    start_host: StartHost, new_host_account: Callable[[], Account], text: str
) -> None:
    """What a function of this host sends is handled at once, however long the polling interval has become."""
    settings = {"AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:01:00"}
    with start_host(new_host_account(), **settings) as host:
        threading.Event().wait(1.8)  # polls were at 0, 0.1, 0.3, 0.7 and 1.5 seconds; the next would be at 3.1
        host.notify("on_event_enqueue", [{"text": text}])
        host.wait_for(work=text, timeout=1)


def test_one_batch_at_a_time(slow: Host, slow_account: Account) -> None:
    """With batchSize 1 and newBatchThreshold 0, also messages that are all there are handled one by one."""
    for number in (1, 2, 3):
        slow_account.send("work", f"sleep 0.{number}")
    slow.wait_for(slept="sleep 0.3")
    order = [line.get("work") or line.get("slept") for line in slow.lines()]
    short = [name for name in order if str(name).startswith("sleep 0.")]
    assert short[0::2] == short[1::2], order


def test_the_size_of_the_thread_pool_is_honoured(slow: Host) -> None:
    """With PYTHON_THREADPOOL_THREAD_COUNT 2, three events of 0.6 seconds take 1.2."""
    began = time.monotonic()
    assert slow.notify("on_event", [{"id": "x", "sleep": 0.6}] * 3).status == 202
    assert time.monotonic() - began >= 1.2


def test_messages_run_side_by_side(host: Host, account: Account) -> None:
    """With batchSize 4, four messages of a second take about one."""
    for _ in range(4):
        account.send("work", "sleep 1.0")
    host.wait_for(work="sleep 1.0")
    began = time.monotonic()
    host.wait_for(4, slept="sleep 1.0")
    assert time.monotonic() - began < 3.7


def test_an_output_is_one_message(host: Host, text: str) -> None:
    """Text set on the output arrives at the trigger, base64 on both ways."""
    assert host.notify("on_event_enqueue", [{"text": text}]).status == 202
    host.wait_for(work=text, count=1)


def test_an_output_that_is_a_json_array_is_split(host: Host, text: str) -> None:
    """Text elements become their text, others JSON."""
    host.notify("on_event_enqueue", [{"text": f'["{text}", {{"n": "{text}"}}]'}])
    host.wait_for(work=text)
    host.wait_for(work=f'{{"n":"{text}"}}')


def test_no_output_no_message(host: Host, account: Account) -> None:
    """None, and an empty list, send nothing and make no queue."""
    assert host.notify("on_event_enqueue", [{"text": None}]).status == 202
    assert host.ask("POST", "/api/numbers/0").status == 202
    with account.queue("numbers") as queue:
        assert not queue.peek_messages()


def test_a_list_makes_the_queue_and_fills_it(host: Host, account: Account) -> None:
    """The queue is created on the first send, and each message is base64."""
    account.queue("numbers").delete_queue()
    assert host.ask("POST", "/api/numbers/3").status == 202
    with account.queue("numbers") as queue:
        bodies = [base64.b64decode(message.content) for message in queue.peek_messages(5)]
    assert sorted(bodies) == [b'{"n": 0}', b'{"n": 1}', b'{"n": 2}']


def test_an_output_that_cannot_be_sent_fails_the_invocation(host: Host) -> None:
    """A message beyond 64 KiB after encoding, and an array that is none."""
    large = host.notify("on_event_enqueue", [{"text": "x" * 50_000}])
    assert (large.status, b"too large" in large.data) == (500, True)
    broken = host.notify("on_event_enqueue", [{"text": "[1, }]"}])
    assert (broken.status, b"JSON array" in broken.data) == (500, True)


def test_messages_may_be_plain_text(start_host: StartHost, new_host_account: Callable[[], Account]) -> None:
    """With messageEncoding none, what is base64 elsewhere is taken and sent as it is."""
    account = new_host_account()
    with (
        start_host(account, AzureFunctionsJobHost__extensions__queues__messageEncoding="none") as host,
        account.queue("raw") as raw,
        account.queue("numbers") as numbers,
    ):
        raw.send_message("not base64: ü")
        host.wait_for(raw="not base64: ü")
        assert host.ask("POST", "/api/numbers/1").status == 202
        assert [message.content for message in numbers.peek_messages(5)] == ['{"n": 0}']
