"""Works a ledger of hours out anew from the audit log, and compares.

usage: recompute.py EXPORT.json

The export has the audit log with times in microseconds, the rows of the ledger that are usage, and the balances of
customers. What a server had is read off the log alone; prices too. An hour that was started is paid: it costs the
dearest of what the server had in it, at the price that held when the hour began or that thing began. The k-th hour of
a month costs floor(k * price / hours) less what the k - 1 before it cost; after `hours` of them the rest is free.
"""
import bisect
import calendar
import datetime
import json
import sys

HOUR = 3_600_000_000
ADDONS = ("ipv4", "storage", "memory", "cpu")


class Prices:
    """What something costs, and from when on."""

    def __init__(self):
        self.times, self.values = {}, {}

    def say(self, name, at, value):
        times, values = self.times.setdefault(name, []), self.values.setdefault(name, [])
        if times and times[-1] == at:
            values[-1] = value
        else:
            times.append(at)
            values.append(value)

    def at(self, name, at, otherwise):
        place = bisect.bisect_right(self.times.get(name, []), at)
        return self.values[name][place - 1] if place else otherwise


class Server:
    """States of a server, each with the time from which it holds; None is its end."""

    def __init__(self, kind):
        self.kind, self.states = kind, []

    def now(self):
        return dict(self.states[-1][1]) if self.states and self.states[-1][1] else None

    def becomes(self, at, state):
        if self.states and self.states[-1][1] is None:
            return
        if self.states and self.states[-1][0] == at:
            # What was for no time never was.
            self.states.pop()
        self.states.append((at, state))


def micro(log_value):
    return 0 if log_value is None else log_value


def read(log):
    """Servers, prices and credits of an audit log."""
    servers, prices, credits, packages, sizes, packs = {}, Prices(), {}, {}, {}, {}
    for entry in sorted(log, key=lambda entry: entry["id"]):
        at, action, subject = entry["at"], entry["action"], entry["subject"]
        before, after = entry["before"] or {}, entry["after"] or {}
        if action in ("create_package", "update_package"):
            packages.setdefault(subject, {}).update(after)
        elif action == "set_package_price":
            prices.say(("package", subject), at, after["microTokens"])
        elif action == "change_self_service":
            for item in ADDONS:
                if item in after:
                    prices.say(("addon", item), at, after[item])
            if "monthToHourRateType" in after:
                prices.say("hours", at, 730 if after["monthToHourRateType"] == 1 else 0)
        elif action in ("add_credit", "take_credit"):
            credits[after["user"]] = credits.get(after["user"], 0) + after["microTokens"]
        elif action == "cancel_credit":
            credits[before["user"]] -= before["microTokens"]
        elif action == "create_server" and after["selfService"]:
            server = servers[subject] = Server(after["selfService"])
            server.becomes(at, {
                "user": after["owner"], "package": after["package"], "memory": after["memory"],
                "cpu": after["cpuCores"], "storage": sum(after["storage"]), "ipv4": len(after["ipv4"]),
                "included": packages[after["package"]]})
        elif action == "delete_pack_servers" and after["delay"] == 0:
            for one in before["servers"]:
                servers[one].becomes(at, None)
        elif entry["kind"] == "server" and subject in servers:
            server, state = servers[subject], servers[subject].now()
            if state is None:
                continue
            if action == "change_package":
                state.update(package=after["package"], memory=after["memory"], cpu=after["cpuCores"],
                             storage=after["storage"], included=packages[after["package"]])
            elif action == "change_memory":
                state["memory"] = after["memory"]
            elif action == "change_cpu_cores":
                state["cpu"] = after["cpuCores"]
            elif action == "change_storage":
                state["storage"] += after["size"] - before["size"]
            elif action == "add_server_ipv4":
                state["ipv4"] += len(after["ipv4"])
            elif action == "remove_server_ipv4":
                state["ipv4"] -= len(before["ipv4"])
            elif action == "change_owner":
                state["user"] = after["owner"]
                if server.kind == 2:
                    # It leaves the resource pack.
                    state = None
            elif action in ("delete_server", "delete_for_credit") and "deleteAt" not in after:
                state = None
            else:
                continue
            server.becomes(at, state)
    return servers, prices, credits


def quantities(state, kind):
    """What is paid for a state, by item."""
    found = {"server": 1}
    if kind == 1:
        included = state["included"]
        found["ipv4"] = state["ipv4"] - 1
        found["storage"] = state["storage"] - included["primaryStorage"]
        found["memory"] = -(-max(state["memory"] - included["memory"], 0) // 1024)
        found["cpu"] = state["cpu"] - included["cpuCores"]
    return {item: number for item, number in found.items() if number > 0}


def month_of(hour):
    when = datetime.datetime.fromtimestamp(hour // 1_000_000, datetime.timezone.utc)
    return when.year, when.month


def work_out(number, server, prices, now):
    """Every row of a server, as the ledger has them."""
    begins = [at for at, _ in server.states]
    ends = begins[1:] + [now]
    hour, last = begins[0] // HOUR * HOUR, now // HOUR * HOUR
    counted = {}
    while hour < last:
        candidates = {}
        # The same thing goes on over changes of other things, so it begins where it first was so.
        for (begin, state), end in zip(server.states, ends):
            if state is None or begin >= hour + HOUR or end <= hour or begin == end:
                continue
            for item, quantity in quantities(state, server.kind).items():
                candidates.setdefault(item, []).append((begin, state, quantity))
        for item, seen in candidates.items():
            best = None
            for begin, state, quantity in seen:
                since = begin_of(server, begin, item, quantity, state)
                name = ("package", state["package"]) if item == "server" else ("addon", item)
                price = prices.at(name, max(hour, since), 0) * quantity
                if best is None or price > best[0]:
                    best = (price, state, quantity)
            price, state, quantity = best
            if item != "server" and price == 0:
                continue
            month = month_of(hour)
            place = counted[(item, month)] = counted.get((item, month), 0) + 1
            hours = prices.at("hours", hour, 730) or calendar.monthrange(*month)[1] * 24
            if place <= hours:
                worth = place * price // hours - (place - 1) * price // hours
                paid = worth if server.kind == 1 else 0
            else:
                worth, paid = price // hours, 0
            yield (number, item, hour), [
                state["user"], state["package"], quantity, price, place, worth, -paid]
        hour += HOUR


def begin_of(server, begin, item, quantity, state):
    """Since when it has been the same without a break."""
    for at, earlier in reversed(server.states):
        if at >= begin:
            continue
        if earlier is None:
            break
        same = (quantities(earlier, server.kind).get(item) == quantity
                and earlier["user"] == state["user"] and earlier["package"] == state["package"])
        if not same:
            break
        begin = at
    return begin


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        export = json.load(file)
    servers, prices, credits = read(export["log"])
    wanted = {}
    for number, server in servers.items():
        wanted.update(work_out(number, server, prices, export["now"]))
    told = {}
    mistakes = []
    for number, item, hour, *rest in export["ledger"]:
        if (number, item, hour) in told:
            mistakes.append(f"twice: {number} {item} {hour}")
        told[(number, item, hour)] = rest
    for key in sorted(wanted.keys() | told.keys()):
        if wanted.get(key) != told.get(key):
            mistakes.append(f"{key}: worked out {wanted.get(key)}, booked {told.get(key)}")
    for user, balance in export["balances"]:
        sum_of = credits.get(user, 0) + sum(row[6] for row in wanted.values() if row[0] == user)
        if sum_of != balance:
            mistakes.append(f"balance of {user}: worked out {sum_of}, told {balance}")
    for mistake in mistakes[:20]:
        print(mistake)
    print(f"{len(wanted)} rows of {len(servers)} servers, {len(mistakes)} mistakes")
    sys.exit(1 if mistakes else 0)


if __name__ == "__main__":
    main()
