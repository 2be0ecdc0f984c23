// Reading ahead: the next batch is on its way while a step works on the one before it.

/** The same items; each is asked for before the one before it is given away. */
export async function* ahead<T>(items: AsyncGenerator<T>): AsyncGenerator<T, void> {
  const ask = () => {
    const next = items.next();
    // Its error is thrown when its turn comes.
    next.catch(() => {});
    return next;
  };
  let next = ask();
  try {
    for (;;) {
      const { done, value } = await next;
      if (done) return;
      next = ask();
      yield value;
    }
  } finally {
    const closed = items.return(undefined);
    // A source that is slow to give what nobody wants any more keeps nobody waiting.
    const slow = new Promise<boolean>((resolve) => setTimeout(resolve, 0, true));
    const given = () => false;
    if (await Promise.race([next.then(given, given), slow])) closed.catch(() => {});
    else await closed;
  }
}
