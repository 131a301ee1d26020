"""llama.cpp's own server, asked for profiles under a grammar: the peer of `profiler summarise`.

The server runs in this process (the wheel xllamacpp carries it) and is asked over HTTP, as its users ask it: as many
connections as slots, kept alive, the answer to one request read before the next is sent. It gets the grammar that
`profiler summarise --gbnf` writes; cache_prompt lets a slot keep what its last prompt shared.

Reads from stdin {"model", "threads", "slots": [...], "runs", "grammar", "prompts": [...]}. Each number of slots is tried
once, and the best measured `runs` times more. Prints one JSON object a run: {"slots", "profiles", "tokens", "seconds"},
the tokens being those that the server generated.
"""

import http.client
import json
import socket
import sys
import threading
import time

import xllamacpp

# A profile that has not ended by then is cut: the grammar bounds characters, and few texts are longer.
MOST_TOKENS = 256


def start(model, threads, slots, longest):
    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.n_parallel = slots
    parameters.n_ctx = slots * longest
    parameters.n_batch = 2048
    parameters.n_ubatch = 512
    parameters.cpuparams.n_threads = threads
    parameters.cpuparams_batch.n_threads = threads
    parameters.warmup = False
    parameters.verbosity = -1
    # Prompts of former runs, kept in memory, would answer the next run for nothing.
    parameters.cache_ram_mib = 0
    return xllamacpp.Server(parameters)


def ask(host, bodies, lock, tokens, failures):
    connection = http.client.HTTPConnection(host)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        with lock:
            body = next(bodies, None)
        if body is None:
            return
        connection.request("POST", "/completion", body, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            failures.append(f"{answer.status}: {text.decode(errors='replace')}")
            return
        tokens.append(json.loads(text)["tokens_predicted"])


def run(server, slots, task):
    bodies = [
        json.dumps(
            {
                "prompt": prompt,
                "grammar": task["grammar"],
                "n_predict": MOST_TOKENS,
                "temperature": 0,
                "cache_prompt": True,
            }
        )
        for prompt in task["prompts"]
    ]
    host = server.listening_address.split("//")[1]
    queue, lock, tokens, failures = iter(bodies), threading.Lock(), [], []
    threads = [threading.Thread(target=ask, args=(host, queue, lock, tokens, failures)) for _ in range(slots)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - begin
    if failures:
        sys.exit(f"the server refused a request: {failures[0]}")
    return {"slots": slots, "profiles": len(bodies), "tokens": sum(tokens), "seconds": seconds}


def main():
    task = json.load(sys.stdin)
    # A token is at least a byte.
    longest = max(len(prompt.encode()) for prompt in task["prompts"]) + MOST_TOKENS
    tried = []
    for slots in task["slots"]:
        server = start(task["model"], task["threads"], slots, longest)
        tried.append(run(server, slots, task))
        del server
    best = max(tried, key=lambda result: result["tokens"] / result["seconds"])["slots"]
    server = start(task["model"], task["threads"], best, longest)
    for _ in range(task["runs"]):
        print(json.dumps(run(server, best, task)), flush=True)


main()
