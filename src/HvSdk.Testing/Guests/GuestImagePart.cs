namespace HvSdk.Testing;

/// <summary>Bytes that must lie in guest memory before a <see cref="GuestProgram"/> starts.</summary>
/// <param name="Name">What they are: code, GDT, page tables.</param>
/// <param name="Address">Guest physical address of the first byte.</param>
/// <param name="Bytes">The bytes.</param>
public readonly record struct GuestImagePart(string Name, ulong Address, ReadOnlyMemory<byte> Bytes);
