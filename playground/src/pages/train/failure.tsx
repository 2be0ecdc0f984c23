// An error as the library says it.

export function Failure({ error }: { readonly error: unknown }) {
  const said = error instanceof Error ? error : new Error(String(error));
  return (
    <p class="failure" role="alert">
      <strong>{said.name}</strong> {said.message}
    </p>
  );
}
