/** A list that stays sorted. Adding and removing find their place by halving and move what follows. */

export interface SortedList<Item> {
  readonly items: readonly Item[];
  add(item: Item): void;
  remove(item: Item): void;
  /** Instead of what it held. */
  fill(items: readonly Item[]): void;
  /** How many items come before the place that `isBefore` ends at: true for the first ones, false for the rest. */
  countWhile(isBefore: (item: Item) => boolean): number;
}

/** `compare` is 0 only for one and the same item. */
export function sortedList<Item>(compare: (a: Item, b: Item) => number): SortedList<Item> {
  let items: Item[] = [];
  const countWhile = (isBefore: (item: Item) => boolean): number => {
    let [low, high] = [0, items.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(items[middle]!)) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  return {
    get items() { return items; },
    add: (item) => { items.splice(countWhile((other) => compare(other, item) < 0), 0, item); },
    remove(item) {
      const at = countWhile((other) => compare(other, item) < 0);
      if (items[at] === item) items.splice(at, 1);
    },
    fill: (all) => { items = [...all].sort(compare); },
    countWhile,
  };
}
