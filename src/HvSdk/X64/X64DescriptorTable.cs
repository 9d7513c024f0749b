namespace HvSdk;

/// <summary>GDTR or IDTR: where a descriptor table lies (Intel SDM vol. 3A, 2.4).</summary>
/// <param name="Base">Linear address of the first descriptor.</param>
/// <param name="Limit">Size of the table in bytes, less one.</param>
public readonly record struct X64DescriptorTable(ulong Base, ushort Limit);
