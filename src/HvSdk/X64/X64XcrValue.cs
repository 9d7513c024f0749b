namespace HvSdk;

/// <summary>An extended control register (Intel SDM vol. 3A, 2.6); XCR0 says which states XSAVE holds.</summary>
/// <param name="Index">The index that XGETBV takes in ECX.</param>
/// <param name="Value">The value.</param>
public readonly record struct X64XcrValue(uint Index, ulong Value);
