// What the page remembers from one visit to the next. A browser may refuse to keep anything.

export function remembered(key: string): string | null {
  try {
    return localStorage.getItem(`downhill.${key}`);
  } catch {
    return null;
  }
}

export function remember(key: string, value: string): void {
  try {
    localStorage.setItem(`downhill.${key}`, value);
  } catch {
    // Then the next visit starts anew.
  }
}
