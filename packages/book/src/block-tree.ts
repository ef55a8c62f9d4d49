// @hot
/**
 * An ordered map from block number to block: one AVL tree per ladder over shared columns, threaded
 * into a doubly linked list in key order.
 *
 * A block covers 32 neighbouring ticks, so the tree is only touched when the first order arrives in
 * 32 empty ticks or the last one leaves them. AVL (Adelson-Velsky and Landis, 1962) bounds the
 * descent by 1.44 log2(n) steps whatever prices an adversary chooses; a treap would need a secret,
 * and a sorted array moves half of itself for each price in a wide book.
 *
 * @module
 */

/** No block. */
export const NIL = -1;

/** Trees over the blocks `0..capacity-1`. Rows of free blocks are chained through `next`. */
export class BlockTree {
  /** Block number of each block; NaN while it is free. */
  readonly key: Float64Array;
  /** The block with the next higher key in the same tree, or {@link NIL}. */
  readonly next: Int32Array;
  /** The block with the next lower key in the same tree, or {@link NIL}. */
  readonly prev: Int32Array;
  readonly #left: Int32Array;
  readonly #right: Int32Array;
  readonly #parent: Int32Array;
  readonly #height: Int8Array;
  readonly #root: Int32Array;
  #free: number;

  constructor(trees: number, capacity: number) {
    this.key = new Float64Array(capacity).fill(NaN);
    this.next = new Int32Array(capacity);
    this.prev = new Int32Array(capacity).fill(NIL);
    this.#left = new Int32Array(capacity).fill(NIL);
    this.#right = new Int32Array(capacity).fill(NIL);
    this.#parent = new Int32Array(capacity).fill(NIL);
    this.#height = new Int8Array(capacity);
    this.#root = new Int32Array(trees).fill(NIL);
    for (let i = 0; i < capacity; i++) this.next[i] = i + 1 < capacity ? i + 1 : NIL;
    this.#free = capacity > 0 ? 0 : NIL;
  }

  /** Height of a tree, 0 when empty: the worst descent. For tests and metrics. */
  height(tree: number): number {
    const root = this.#root[tree]!;
    return root < 0 ? 0 : this.#height[root]!;
  }

  /**
   * Whether every height is right, no two siblings differ by more than one, and every parent is
   * known to its children. A walk over the tree, for tests. @cold
   */
  verify(tree: number): boolean {
    const root = this.#root[tree]!;
    return root < 0 || (this.#parent[root] === NIL && this.#verifiedHeight(root) >= 0);
  }

  /** The true height below `node`; -1 when something is wrong there. @cold */
  #verifiedHeight(node: number): number {
    const left = this.#left[node]!;
    const right = this.#right[node]!;
    const l = left < 0 ? 0 : this.#verifiedHeight(left);
    const r = right < 0 ? 0 : this.#verifiedHeight(right);
    const height = (l > r ? l : r) + 1;
    const linked =
      (left < 0 || this.#parent[left] === node) && (right < 0 || this.#parent[right] === node);
    const balanced = l >= 0 && r >= 0 && l - r <= 1 && r - l <= 1;
    return linked && balanced && this.#height[node] === height ? height : -1;
  }

  /** The block with `key`, or {@link NIL}. */
  find(tree: number, key: number): number {
    const keys = this.key;
    let at = this.#root[tree]!;
    while (at >= 0) {
      const k = keys[at]!;
      if (key === k) return at;
      at = key < k ? this.#left[at]! : this.#right[at]!;
    }
    return NIL;
  }

  /** Takes a free block into the tree under a new key; {@link NIL} when none is left. */
  insert(tree: number, key: number): number {
    const node = this.#free;
    if (node < 0) return NIL;
    const keys = this.key;
    const next = this.next;
    const prev = this.prev;
    this.#free = next[node]!;
    keys[node] = key;
    this.#left[node] = NIL;
    this.#right[node] = NIL;
    this.#height[node] = 1;
    let parent = NIL;
    let at = this.#root[tree]!;
    let before = NIL;
    let after = NIL;
    while (at >= 0) {
      parent = at;
      if (key < keys[at]!) {
        after = at;
        at = this.#left[at]!;
      } else {
        before = at;
        at = this.#right[at]!;
      }
    }
    prev[node] = before;
    next[node] = after;
    if (before >= 0) next[before] = node;
    if (after >= 0) prev[after] = node;
    this.#parent[node] = parent;
    if (parent < 0) this.#root[tree] = node;
    else if (key < keys[parent]!) this.#left[parent] = node;
    else this.#right[parent] = node;
    this.#rebalance(tree, parent);
    return node;
  }

  /** Takes a block out of its tree and frees it. */
  remove(tree: number, node: number): void {
    const left = this.#left[node]!;
    const right = this.#right[node]!;
    const parent = this.#parent[node]!;
    let start: number;
    if (left < 0 || right < 0) {
      const child = left < 0 ? right : left;
      start = parent;
      this.#replaceChild(tree, parent, node, child);
    } else {
      // The successor is the leftmost of the right subtree, and the list knows it.
      const heir = this.next[node]!;
      const heirParent = this.#parent[heir]!;
      if (heirParent === node) {
        start = heir;
      } else {
        start = heirParent;
        const orphan = this.#right[heir]!;
        this.#left[heirParent] = orphan;
        if (orphan >= 0) this.#parent[orphan] = heirParent;
        this.#right[heir] = right;
        this.#parent[right] = heir;
      }
      this.#left[heir] = left;
      this.#parent[left] = heir;
      this.#height[heir] = this.#height[node]!;
      this.#replaceChild(tree, parent, node, heir);
    }
    const before = this.prev[node]!;
    const after = this.next[node]!;
    if (before >= 0) this.next[before] = after;
    if (after >= 0) this.prev[after] = before;
    this.#rebalance(tree, start);
    this.key[node] = NaN;
    this.prev[node] = NIL;
    this.next[node] = this.#free;
    this.#free = node;
  }

  #replaceChild(tree: number, parent: number, old: number, node: number): void {
    if (node >= 0) this.#parent[node] = parent;
    if (parent < 0) this.#root[tree] = node;
    else if (this.#left[parent] === old) this.#left[parent] = node;
    else this.#right[parent] = node;
  }

  #heightOf(node: number): number {
    return node < 0 ? 0 : this.#height[node]!;
  }

  #update(node: number): void {
    const l = this.#heightOf(this.#left[node]!);
    const r = this.#heightOf(this.#right[node]!);
    this.#height[node] = (l > r ? l : r) + 1;
  }

  /** Walks up from `node` until heights are right again. */
  #rebalance(tree: number, from: number): void {
    let node = from;
    while (node >= 0) {
      const before = this.#height[node]!;
      const l = this.#left[node]!;
      const r = this.#right[node]!;
      const balance = this.#heightOf(l) - this.#heightOf(r);
      let top = node;
      if (balance > 1) {
        if (this.#heightOf(this.#left[l]!) < this.#heightOf(this.#right[l]!)) {
          this.#rotateLeft(tree, l);
        }
        top = this.#rotateRight(tree, node);
      } else if (balance < -1) {
        if (this.#heightOf(this.#right[r]!) < this.#heightOf(this.#left[r]!)) {
          this.#rotateRight(tree, r);
        }
        top = this.#rotateLeft(tree, node);
      } else {
        this.#update(node);
      }
      // A subtree as high as it was changes nothing above it.
      if (this.#height[top] === before) return;
      node = this.#parent[top]!;
    }
  }

  #rotateLeft(tree: number, node: number): number {
    const up = this.#right[node]!;
    const inner = this.#left[up]!;
    this.#replaceChild(tree, this.#parent[node]!, node, up);
    this.#right[node] = inner;
    if (inner >= 0) this.#parent[inner] = node;
    this.#left[up] = node;
    this.#parent[node] = up;
    this.#update(node);
    this.#update(up);
    return up;
  }

  #rotateRight(tree: number, node: number): number {
    const up = this.#left[node]!;
    const inner = this.#right[up]!;
    this.#replaceChild(tree, this.#parent[node]!, node, up);
    this.#left[node] = inner;
    if (inner >= 0) this.#parent[inner] = node;
    this.#right[up] = node;
    this.#parent[node] = up;
    this.#update(node);
    this.#update(up);
    return up;
  }
}
