"""What can go wrong, and how it is said; no process stays behind."""

from __future__ import annotations

import os
import subprocess
import time
import unittest

import numpy as np
import pyarrow as pa
from support import ENVIRONMENT, TemporaryFolder, play, vector_env

from headstart_simulator import HeadstartVectorEnv, SimulatorError, connection
from headstart_simulator.frames import PROTOCOL


def process_of(env: HeadstartVectorEnv) -> subprocess.Popen[bytes]:
    process: subprocess.Popen[bytes] = env._frames._connection.process  # type: ignore
    return process


class Starting(TemporaryFolder):
    def test_a_missing_binary_is_named(self) -> None:
        with self.assertRaisesRegex(SimulatorError, r"(?s)'/no/such/simulator'.*HEADSTART_SIMULATOR"):
            vector_env(binary="/no/such/simulator")

    def test_a_folder_that_is_no_environment_is_named(self) -> None:
        with self.assertRaisesRegex(SimulatorError, "simulator fit"):
            HeadstartVectorEnv(self.folder)

    def test_the_simulator_s_own_words_are_shown(self) -> None:
        with self.assertRaisesRegex(SimulatorError, r"(?s)status 2.*--patience"):
            vector_env(rule="fixed", patience=3)
        with self.assertRaisesRegex(SimulatorError, r"(?s)status 42.*my last words"):
            vector_env(binary=self.program("echo 'my last words' >&2; exit 42"))

    def test_what_is_no_stream_of_frames_is_refused(self) -> None:
        with self.assertRaisesRegex(SimulatorError, "did not begin as one of step frames"):
            vector_env(binary=self.program("echo hello, hello, hello, hello"))
        with self.assertRaisesRegex(SimulatorError, "hello cannot be read"):
            vector_env(binary=self.saying({}))

    def test_another_protocol_is_refused(self) -> None:
        self.assertEqual(PROTOCOL, 2)
        with self.assertRaisesRegex(SimulatorError, "protocol 99, this client speaks 2"):
            vector_env(binary=self.saying({"headstart.hello": '{"protocol": 99}'}))

    def saying(self, metadata: dict[str, str]) -> str:
        """A program that opens a stream with this metadata."""
        stream = self.folder / "stream"
        stream.write_bytes(pa.schema([("env", pa.uint32())], metadata=metadata).serialize().to_pybytes())
        return self.program(f"cat {stream}; exec cat >/dev/null")


class Running(TemporaryFolder):
    def test_a_simulator_that_dies_is_explained(self) -> None:
        env = vector_env(2)
        process = process_of(env)
        env.reset(seed=process.pid)  # another seed: another process
        self.assertIsNotNone(process.poll(), "the first process was left behind")
        process = process_of(env)
        process.kill()
        with self.assertRaisesRegex(SimulatorError, "exited with status -9"):
            env.step(np.zeros(2, int))
        with self.assertRaises(SimulatorError):
            env.step(np.zeros(2, int))
        env.reset(seed=1)
        env.step(np.zeros(2, int))
        env.close()

    def test_a_talkative_stderr_blocks_nothing(self) -> None:
        talk = (
            "i=0; while [ $i -lt 4000 ]; do echo a line that fills the pipe of stderr, number $i >&2; i=$((i+1)); done"
        )
        with vector_env(2, binary=self.program(f'{talk}; exec "$REAL" "$@"')) as env:
            self.assertEqual(len(list(play(env, 5, seed=0))), 5)

    def test_wrong_actions_are_named_and_change_nothing(self) -> None:
        with vector_env(3) as env:
            items = int(env.single_action_space.n)
            expected = list(play(env, 5, seed=3))
            env.reset(seed=3)
            for actions, error, words in (
                (np.zeros(2, int), ValueError, r"shape \(3,\)"),
                (np.zeros(3), TypeError, "integers"),
                (np.array([0, items, 0]), ValueError, f"action {items} of environment 1"),
                (np.array([0, 0, -1]), ValueError, "action -1 of environment 2"),
            ):
                with self.assertRaisesRegex(error, words):
                    env.step(actions)
            for propensity in (0.0, 1.5, [0.1, 0.2, float("nan")]):
                with self.assertRaisesRegex(ValueError, "propensities"):
                    env.step_with(np.zeros(3, int), propensity)
            self.assertEqual(expected, list(play(env, 5)))


class Closing(TemporaryFolder):
    def test_close_ends_the_process_and_can_be_repeated(self) -> None:
        env = vector_env(2)
        process = process_of(env)
        env.reset(seed=0)
        process = process_of(env)
        env.step(np.zeros(2, int))
        env.close()
        self.assertEqual(process.returncode, 0, "the simulator did not end by itself")
        env.close()
        with self.assertRaisesRegex(SimulatorError, "closed"):
            env.step(np.zeros(2, int))

    def test_a_forgotten_environment_leaves_no_process(self) -> None:
        env = vector_env(2)
        process = process_of(env)
        del env
        process.wait(10)

    def test_a_simulator_that_does_not_stop_is_ended(self) -> None:
        grace, connection._GRACE_SECONDS = connection._GRACE_SECONDS, 0.5
        self.addCleanup(setattr, connection, "_GRACE_SECONDS", grace)
        env = vector_env(1, binary=self.program('"$REAL" "$@"; exec sleep 1000'))
        process = process_of(env)
        env.close()
        self.assertEqual(process.returncode, -9)


class Sockets(TemporaryFolder):
    def setUp(self) -> None:
        super().setUp()
        self.path = self.folder / "frames.socket"
        words = [os.environ["HEADSTART_SIMULATOR"], "serve", "--environment", str(ENVIRONMENT), "--envs", "3"]
        self.server = subprocess.Popen([*words, "--seed", "5", "--rule", "leave", "--socket", str(self.path)])
        self.addCleanup(self.server.wait)
        self.addCleanup(self.server.kill)
        for _ in range(500):
            if self.path.exists():
                return
            time.sleep(0.02)
        self.fail("the server does not listen")

    def test_one_client_after_another_plays_what_a_child_plays(self) -> None:
        with vector_env(3, rule="leave") as env:
            expected = list(play(env, 30, seed=5))
        for _ in range(2):
            with HeadstartVectorEnv(ENVIRONMENT, socket=self.path) as env:
                self.assertEqual(env.num_envs, 3)
                self.assertEqual(list(play(env, 30)), expected)
                self.assertEqual(list(play(env, 30, seed=5)), expected)

    def test_the_server_s_settings_stand(self) -> None:
        with self.assertRaisesRegex(ValueError, "those of the server"):
            HeadstartVectorEnv(ENVIRONMENT, socket=self.path, rule="leave")
        with self.assertRaisesRegex(SimulatorError, "plays 3 environments, not 4"):
            HeadstartVectorEnv(ENVIRONMENT, 4, socket=self.path)
        with HeadstartVectorEnv(ENVIRONMENT, socket=self.path) as env, self.assertRaisesRegex(ValueError, "seed is 5"):
            env.reset(seed=6)

    def test_nobody_listening_is_said(self) -> None:
        with self.assertRaisesRegex(SimulatorError, "simulator serve"):
            HeadstartVectorEnv(ENVIRONMENT, socket=self.folder / "other.socket")


if __name__ == "__main__":
    unittest.main()
