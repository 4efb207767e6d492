import { RE2JS, RE2JSException } from "re2js";

/** A rule's expression: without regard to case, line by line. */
export interface Expression {
  /** Where the first match begins; -1 where there is none. */
  search(text: string): number;
}

/**
 * Compiles an expression in RE2's syntax (https://github.com/google/re2/wiki/Syntax). Its time grows with the text alone, where
 * JavaScript's own engine tries every way to match: an expression of a user must not keep the check busy for ever.
 *
 * @throws Error where it is none, or needs what only an engine that goes back can do
 */
export function compileExpression(source: string): Expression {
  try {
    const flags = RE2JS.CASE_INSENSITIVE | RE2JS.MULTILINE;
    const pattern = RE2JS.compile(RE2JS.translateRegExp(source), flags);
    return {
      search(text) {
        const match = pattern.matcher(text);
        return match.find() ? match.start() : -1;
      },
    };
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    // its own words end in the expression once more
    const why = error.message.replace(/^error parsing regexp: /, "").replace(/: `[\s\S]*$/, "");
    throw new Error(`${why}; expressions are RE2's, without look-around and references back`, {
      cause: error,
    });
  }
}
