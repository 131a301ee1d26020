"""A client generated from online/openapi.json against a server: python roundtrip.py CLIENT URL FIRST_ITEM ITEMS."""

import sys

folder, url, first, items = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
sys.path.insert(0, folder)

from headstart_online_client import Client  # noqa: E402
from headstart_online_client.api.default import feedback, get_policy, metrics, recommend  # noqa: E402
from headstart_online_client.models import (  # noqa: E402
    Acknowledged,
    Error,
    FeedbackByRequest,
    FeedbackByUser,
    FeedbackForSlate,
    ItemReward,
    Policy,
    Recommendation,
    Wish,
)

client = Client(base_url=url)
before = get_policy.sync(client=client)
assert isinstance(before, Policy) and before.items == items, before


def ask() -> Recommendation:
    slate = recommend.sync(client=client, body=Wish(user=str(first + 40), k=3))
    assert isinstance(slate, Recommendation) and len(slate.items) == 3, slate
    for drawn in slate.items:
        # Text, because a double would round it to a neighbour.
        assert isinstance(drawn.item, str) and 0 <= int(drawn.item) - first < items, drawn
        assert 0 < drawn.propensity <= 1, drawn
    return slate


def report(body: "FeedbackByRequest | FeedbackByUser | FeedbackForSlate") -> "Acknowledged | Error | None":
    return feedback.sync(client=client, body=body)


slate = ask()
one = FeedbackByRequest(request_id=slate.request_id, item=slate.items[0].item, reward=1.0)
assert report(one) == Acknowledged(applied=1, duplicates=0, durable=True)
assert report(one) == Acknowledged(applied=0, duplicates=1, durable=True)
one.reward = 0.0
refused = feedback.sync_detailed(client=client, body=one)
assert refused.status_code == 409 and isinstance(refused.parsed, Error), refused
rest = [ItemReward(item=drawn.item, reward=0.5) for drawn in slate.items[1:]]
assert report(FeedbackForSlate(request_id=slate.request_id, rewards=rest)).applied == 2
again = ask()
assert not {drawn.item for drawn in again.items} & {drawn.item for drawn in slate.items}, "consumed items came again"
assert report(FeedbackByUser(user=str(first + 40), item=again.items[0].item, reward=1.0)).applied == 1

unknown = recommend.sync(client=client, body=Wish(user="7", candidates=["1"]))
assert isinstance(unknown, Error) and "catalogue" in unknown.error, unknown
assert "# EOF" in metrics.sync(client=client)
after = get_policy.sync(client=client)
assert after.applied == before.applied + 4, after
print("round trip: 4 rewards")
