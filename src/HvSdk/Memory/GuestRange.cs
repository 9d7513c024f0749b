namespace HvSdk;

/// <summary>A range of guest memory.</summary>
/// <param name="Address">GPA of the first byte.</param>
/// <param name="Length">How many bytes.</param>
public readonly record struct GuestRange(ulong Address, uint Length);
