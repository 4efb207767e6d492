// What host/watchdog.ts starts: a thread with an event loop of its own.
const { writeSync } = require("node:fs");
const { setInterval } = require("node:timers");
const { workerData } = require("node:worker_threads");

const { beats, patience, lastWords, parent } = workerData;
let before = -1;
// counted in ticks of its own: while the machine sleeps, neither this thread nor the other one runs
let still = 0;
let orphaned = 0;

setInterval(() => {
  const now = Atomics.load(beats, 0);
  still = now === before ? still + 1 : 0;
  before = now;
  orphaned = process.ppid === parent ? 0 : orphaned + 1;
  const stuck = still >= patience.still;
  if (!stuck && orphaned < patience.orphaned) return;
  try {
    if (stuck) writeSync(2, lastWords);
  } catch {
    // nobody listens any more
  }
  process.kill(process.pid, "SIGKILL");
}, 1000);
