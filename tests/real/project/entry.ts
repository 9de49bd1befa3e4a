import { map, range, reduce } from 'rxjs';

export interface Point {
  readonly x: number;
  readonly y: number;
}

export function sum(points: readonly Point[]): Point {
  return points.reduce((a, b) => ({ x: a.x + b.x, y: a.y + b.y }), { x: 0, y: 0 });
}

range(1, 10)
  .pipe(map((n) => n * n), reduce((a, b) => a + b))
  .subscribe((total) => console.log(total, sum([{ x: 1, y: 2 }])));
