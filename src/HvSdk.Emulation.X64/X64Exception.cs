namespace HvSdk.Emulation;

/// <summary>An exception of the guest (Intel SDM vol. 3A, 6.15).</summary>
/// <param name="Vector">The vector.</param>
/// <param name="HasErrorCode">The exception has an error code.</param>
/// <param name="ErrorCode">The error code, or 0.</param>
/// <param name="Address">For a page fault the linear address, which goes to CR2; for a debug exception the bits that go to DR6; otherwise 0.</param>
/// <param name="IsTrap">The exception comes after the instruction: the state is behind it.</param>
public readonly record struct X64Exception(byte Vector, bool HasErrorCode, uint ErrorCode, ulong Address, bool IsTrap);
