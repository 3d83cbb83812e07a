/** The same work again while it is under way, by a second press of its button, is the first one. */
export function oneAtATime<Asked extends unknown[], Found>(
  work: (...asked: Asked) => Promise<Found>,
): (...asked: Asked) => Promise<Found> {
  let underWay: Promise<Found> | undefined;
  return (...asked) => {
    underWay ??= work(...asked).finally(() => {
      underWay = undefined;
    });
    return underWay;
  };
}
