// Reading ahead: the next batch is on its way while a step works on the one before it.

/** The same items; each is asked for before the one before it is given away. */
export async function* ahead<T>(items: AsyncGenerator<T>): AsyncGenerator<T, void> {
  let waiting = true;
  const settled = () => {
    waiting = false;
  };
  const ask = () => {
    waiting = true;
    const next = items.next();
    // Its error is thrown when its turn comes.
    next.then(settled, settled);
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
    // A source that is slow to give what nobody wants any more keeps nobody waiting.
    const closed = items.return(undefined);
    if (waiting) closed.catch(() => {});
    else await closed;
  }
}
