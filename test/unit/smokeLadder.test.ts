import assert from "node:assert/strict";

import {
  atTheFoot,
  type Ladder,
  missing,
  observe,
  type Observation,
  type Progress,
} from "../../stages/smoke/ladder";
import * as rungs from "../../stages/smoke/rungs";
import { FATAL_SIGNS } from "../../run/signs";
import { hear } from "../../run/stall";
import { CONSOLES, FATAL_LINES, NO_PROMPTS, PROMPTS } from "../consoleLines";

const ladder: Ladder = {
  rungs: [rungs.KERNEL, rungs.LOGIN, rungs.CHANNELS.agent, rungs.running("agent")],
  deadlineSeconds: 180,
};
const sshLadder: Ladder = {
  rungs: [rungs.KERNEL, rungs.LOGIN, rungs.CHANNELS.ssh, rungs.running("ssh"), rungs.seeded()],
  deadlineSeconds: 180,
};

const console_ = (text: string): Observation => ({ kind: "console", text });
const reached = (rung: string): Observation => ({ kind: "reached", rung });
const time: Observation = { kind: "time" };
const stopped = (reason: string): Observation => ({ kind: "stopped", reason });

type Timed = readonly [number, Observation];

/** What is left on a ladder after observations, each at its second. */
const on = (which: Ladder, ...observations: readonly Timed[]): Progress =>
  observations.reduce(
    (progress, [at, observation]) => observe(which, progress, observation, at),
    atTheFoot,
  );
const after = (...observations: readonly Timed[]) => on(ladder, ...observations);

const KERNEL = console_("[    0.000000] Linux version 6.1.0 (debian)\r\n");
const PROMPT = console_("\r\nDebian GNU/Linux 12 localhost ttyS0\r\n\r\nlocalhost login: ");

describe("the boot ladder", () => {
  it("is climbed rung by rung to a clean power-off", () => {
    const top = after(
      [2, console_("SeaBIOS (version 1.16)\nBooting from Hard Disk...\nWelcome to GRUB!\r\n")],
      [5, KERNEL],
      [30, PROMPT],
      [31, reached("agent")],
      [33, reached("running")],
      [34, { kind: "asked to power off" }],
      [37, stopped("guest-shutdown")],
      [37, stopped("QEMU ended with exit code 0")],
    );
    assert.deepEqual(top.seconds, { kernel: 5, login: 30, agent: 31, running: 33 });
    assert.equal(top.offAt, 37);
    assert.equal(top.failure, undefined);
  });

  it("gives what has time of its own that time, from when all before it is reached, and no other", () => {
    const own: Ladder = {
      rungs: [...ladder.rungs, { name: "tests", title: "end of the tests", ownSeconds: 100 }],
      deadlineSeconds: 180,
    };
    const up = [
      [5, KERNEL],
      [30, PROMPT],
      [31, reached("agent")],
    ] as const;
    assert.match(on(own, ...up, [181, time]).failure!, /no end of the start-up within 181 s/);
    const running = [...up, [170, reached("running")]] as const;
    assert.equal(on(own, ...running, [279, time]).failure, undefined);
    assert.match(on(own, ...running, [281, time]).failure!, /no end of the tests within 281 s/);
    assert.equal(on(own, ...running, [270, reached("tests")], [279, time]).failure, undefined);
  });

  it("is left where the console falls silent between kernel and login prompt, if that counts as frozen", () => {
    const silent: Timed[] = [
      [5, KERNEL],
      [9, console_("[    1.1] NET: Registered\r\n")],
      [29, time],
    ];
    const freezing = { ...ladder, freezeSeconds: 20 };
    assert.equal(on(freezing, ...silent).failure, undefined);
    const frozen = on(freezing, ...silent, [30, time]);
    assert.equal(frozen.failure, "the guest froze: its console has said nothing for 21 s");
    assert.equal(frozen.frozen, true);
    assert.equal(on(ladder, ...silent, [30, time]).failure, undefined);
    assert.equal(on(freezing, [5, KERNEL], [9, PROMPT], [30, time]).failure, undefined);
    assert.equal(on(freezing, [2, console_("SeaBIOS\n")], [25, time]).failure, undefined);
  });

  it("is left where the kernel only reports that it is stuck, in whichever pieces, but not where it goes on again", () => {
    const freezing = { ...ladder, freezeSeconds: 20 };
    const words = "watchdog: BUG: soft lockup - CPU#0 stuck for 45s! [modprobe:190]";
    const report = `[   64.605802] ${words}\r\n[   64.721600] RIP: 0010:sk_filter_trim_cap+0x36/0x250\r\n`;
    const pieces = report.match(/[^]{1,7}/g)!.map((piece): Timed => [20, console_(piece)]);
    const stuck: Timed[] = [[5, KERNEL], ...pieces, [25, console_(report)]];
    assert.equal(on(freezing, ...stuck).failure, undefined);
    const frozen = on(freezing, ...stuck, [26, time]);
    assert.equal(
      frozen.failure,
      `the guest froze: for 21 s its console has only said that it is stuck: "${words}"`,
    );
    assert.equal(frozen.frozen, true);
    const more = console_("[  OK  ] Reached target\r\n");
    assert.equal(on(freezing, ...stuck, [25, more], [45, time]).failure, undefined);
    assert.match(on(freezing, ...stuck, [25, more], [46, time]).failure!, /said nothing for 21 s/);
  });

  const orders: Record<string, Timed[]> = {
    "the agent before the login prompt": [
      [20, reached("agent")],
      [30, PROMPT],
      [31, reached("running")],
    ],
    "the end of the start-up before the login prompt": [
      [20, reached("agent")],
      [22, reached("running")],
      [23, PROMPT],
    ],
    "the login prompt first": [
      [20, PROMPT],
      [21, reached("agent")],
      [22, reached("running")],
    ],
  };
  for (const [order, observed] of Object.entries(orders)) {
    it(`is climbed with ${order}`, () => {
      const progress = after([5, KERNEL], ...observed);
      assert.deepEqual(missing(ladder, progress), []);
      assert.equal(progress.failure, undefined);
    });
  }

  it("knows a rung whatever pieces its line arrives in", () => {
    const text = "localhost login: ";
    const progress = after(...[...text].map((letter, i) => [i + 1, console_(letter)] as const));
    assert.equal(progress.seconds.login, text.length);
  });

  it("takes a login prompt as a sign of a quiet kernel", () => {
    assert.deepEqual(
      missing(ladder, after([9, PROMPT])).map(({ name }) => name),
      ["agent", "running"],
    );
  });

  it("does not take other lines for a login prompt", () => {
    for (const line of NO_PROMPTS) {
      assert.equal(after([1, console_(line)]).seconds.login, undefined, line);
    }
  });

  it("knows it behind whatever /etc/issue says, with a line end and without", () => {
    for (const prompt of PROMPTS) {
      assert.deepEqual(after([9, console_(prompt)]).seconds, { kernel: 9, login: 9 }, prompt);
    }
  });

  it("reads through escape sequences, also where one is cut", () => {
    const progress = after(
      [1, console_("[\u001b[0;1;31mFAILED\u001b")],
      [2, console_("[0m] Failed to start \u001b[0;1;39mx.service\u001b[0m.\r\n")],
      [
        3,
        console_("[\u001b[0;1;31m TIME \u001b[0m] Timed out waiting for \u001b[0;1;…[0m - x.\r\n"),
      ],
    );
    assert.deepEqual(progress.complaints, [
      "[FAILED] Failed to start x.service.",
      "[ TIME ] Timed out waiting for … - x.",
    ]);
  });

  it("keeps the last lines only", () => {
    const many = Array.from({ length: 500 }, (_, i) => `line ${i}\n`).join("");
    const { console } = after([1, console_(many)]);
    assert.ok(console.length < 100);
    assert.equal(console.at(-2), "line 499");
  });
});

describe("a boot that fails", () => {
  for (const line of FATAL_LINES) {
    it(`is over at "${line.trim()}"`, () => {
      const { failure } = after([5, KERNEL], [9, console_(`\r\n\u001b[0m${line}`)]);
      assert.ok(failure?.includes(line.trim().slice(0, 20)), failure);
    });
  }

  it("has a line here for every fatal sign", () => {
    for (const { pattern } of FATAL_SIGNS) {
      assert.ok(
        FATAL_LINES.some((line) => pattern.test(line)),
        String(pattern),
      );
    }
  });

  it("is over when the machine stops by itself", () => {
    assert.match(after([5, KERNEL], [9, stopped("guest-reset")]).failure!, /restarted before/);
    assert.match(after([5, stopped("guest-shutdown")]).failure!, /switched itself off/);
    assert.match(
      after([1, stopped("QEMU ended with exit code 1\nno such device")]).failure!,
      /no such device/,
    );
    const restarted = after([5, { kind: "asked to power off" }], [9, stopped("guest-reset")]);
    assert.match(restarted.failure!, /restarted/);
  });

  it("keeps its first reason", () => {
    const first = after(
      [9, console_("Kernel panic - not syncing: a\n")],
      [10, stopped("guest-reset")],
    );
    assert.match(first.failure!, /panicked/);
  });
});

describe("deadlines of a boot", () => {
  const failureAt = (at: number, ...before: Timed[]) => after(...before, [at, time]).failure;

  it("waits for the first sign of life a sixth of the whole", () => {
    assert.equal(failureAt(29), undefined);
    assert.match(failureAt(31)!, /no kernel on the serial console within 31 s/);
  });

  it("waits for everything until the whole is over", () => {
    assert.equal(failureAt(179, [5, KERNEL]), undefined);
    assert.match(failureAt(181, [5, KERNEL])!, /no login prompt on the serial console/);
    const answered: Timed[] = [
      [6, PROMPT],
      [7, reached("agent")],
    ];
    assert.match(failureAt(181, [5, KERNEL], ...answered)!, /no end of the start-up within 181 s/);
  });

  it("waits for a way into the guest a third of the whole after the login prompt, not longer", () => {
    assert.equal(failureAt(120, [5, KERNEL], [61, PROMPT]), undefined);
    assert.equal(
      failureAt(122, [5, KERNEL], [61, PROMPT]),
      "there was no guest agent's answer within 61 s after the login prompt",
    );
  });

  it("says how far the last try came", () => {
    const refused: Observation = { kind: "tried", rung: "ssh", words: "nobody listens" };
    const denied: Observation = {
      ...refused,
      words: "All configured authentication methods failed",
    };
    const { failure } = on(
      sshLadder,
      ...([
        [5, KERNEL],
        [20, refused],
        [30, PROMPT],
        [80, denied],
        [91, time],
      ] as const),
    );
    assert.equal(
      failure,
      "there was no login by SSH with the seeded key within 61 s after the login prompt; the last try: All configured authentication methods failed",
    );
  });

  it("does not wait long for a console that stays silent while the system runs", () => {
    const answers: Timed[] = [
      [30, reached("agent")],
      [32, reached("running")],
    ];
    assert.equal(failureAt(40, ...answers), undefined);
    assert.match(failureAt(50, ...answers)!, /system runs, but .*console=ttyS0/);
  });

  it("gives the power-off a third of the whole", () => {
    const asked: Timed[] = [
      [5, KERNEL],
      [30, PROMPT],
      [30, reached("agent")],
      [31, reached("running")],
      [40, { kind: "asked to power off" }],
    ];
    assert.equal(failureAt(99, ...asked), undefined);
    assert.match(failureAt(101, ...asked)!, /no power-off within 61 s/);
  });
});

describe("a console", () => {
  for (const { what, text, goesOn, stall } of CONSOLES) {
    it(`is heard alike where ${what}`, () => {
      assert.deepEqual(hear(text.split("\n")), { goesOn, ...(stall ? { stall } : {}) });
    });
  }

  it("shows the login prompt and what only resembles it", () => {
    for (const prompt of PROMPTS) assert.match(prompt, rungs.LOGIN.pattern!);
    for (const line of NO_PROMPTS) assert.doesNotMatch(line, rungs.LOGIN.pattern!);
  });
});
