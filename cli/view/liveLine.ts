import type { ListrTask, ListrTaskWrapper } from "listr2";

/** One line of the live list. */
export interface LiveLine {
  /** For Listr. */
  readonly task: ListrTask;
  /** Turns its sign: it is at work. */
  begin(): void;
  title(text: string): void;
  /** Shows a line below it while it is at work. */
  say(text: string): void;
  /** Marks it done; without a title, it keeps its own, or is marked as not reached. */
  end(title?: string): void;
  fail(message: string): void;
}

/**
 * A line that waits. Listr turns the sign of whatever it has started, so it starts a line only when that begins.
 *
 * @param isReached tells at the end whether it was done at all: one that never began, because another one failed, is neither done nor failed
 */
export function liveLine(name: string, isReached: () => boolean): LiveLine {
  const { promise: ended, resolve, reject } = Promise.withResolvers<void>();
  ended.catch(() => undefined);
  const { promise: reached, resolve: begin } = Promise.withResolvers<void>();
  let shown: Pick<ListrTaskWrapper<unknown, never, never>, "title" | "output"> | undefined;
  // what was told before Listr has started it
  let last: string | undefined;
  let said: string | undefined;
  let asked = 0;
  const title = (text: string) => {
    last = text;
    if (shown) shown.title = text;
  };
  return {
    task: {
      title: `${name} waiting`,
      // Listr asks for all tasks before it shows any, and for each again before it starts it
      enabled: () => (asked++ === 0 ? true : reached.then(() => true)),
      skip: () => !isReached() && `${name.trimEnd()}  not reached`,
      task: (_, task) => {
        shown = task;
        if (last !== undefined) title(last);
        if (said !== undefined) task.output = said;
        return ended;
      },
    },
    begin,
    title,
    say: (text) => {
      said = text;
      if (shown) shown.output = text;
    },
    end: (text) => {
      if (text !== undefined) title(text);
      begin();
      resolve();
    },
    fail: (message) => {
      begin();
      reject(new Error(message));
    },
  };
}
