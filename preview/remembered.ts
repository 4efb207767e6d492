/**
 * A question that is asked again and again in one run, as by several images, and answered once.
 *
 * @param ask the questions are the same where their JSON is; one that failed fails again
 */
export function remembered<Q, A>(ask: (question: Q) => Promise<A>): (question: Q) => Promise<A> {
  const answers = new Map<string, Promise<A>>();
  return (question) => {
    const key = JSON.stringify(question);
    const answer = answers.get(key) ?? ask(question);
    answers.set(key, answer);
    return answer;
  };
}
