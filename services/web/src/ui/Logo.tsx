/** The mark and the name. */
export function Logo({ size = 28, name = true }: { size?: number; name?: boolean }) {
  return (
    <span
      style={{
        display: "inline-flex",
        alignItems: "center",
        gap: 10,
        fontWeight: 680,
        fontSize: size * 0.68,
      }}
    >
      <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true">
        <rect width="32" height="32" rx="8" fill="#175d67" />
        <circle cx="16" cy="16" r="4" fill="#fff" />
        <path
          d="M16 6a10 10 0 0 1 10 10M16 26A10 10 0 0 1 6 16"
          fill="none"
          stroke="#fff"
          strokeWidth="2.6"
          strokeLinecap="round"
        />
      </svg>
      {name && <span>Merkez</span>}
    </span>
  );
}
