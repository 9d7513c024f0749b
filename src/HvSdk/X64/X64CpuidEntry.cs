namespace HvSdk;

/// <summary>What CPUID answers for one leaf and subleaf (Intel SDM vol. 2A, CPUID).</summary>
/// <param name="Leaf">EAX on entry.</param>
/// <param name="Subleaf">ECX on entry, or null where the answer does not depend on it.</param>
/// <param name="Eax">EAX on return.</param>
/// <param name="Ebx">EBX on return.</param>
/// <param name="Ecx">ECX on return.</param>
/// <param name="Edx">EDX on return.</param>
public readonly record struct X64CpuidEntry(uint Leaf, uint? Subleaf, uint Eax, uint Ebx, uint Ecx, uint Edx);
