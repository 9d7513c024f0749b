namespace HvSdk.Backends.Kvm.Tests.Abi;

/// <summary>A number that C# and the header must agree on.</summary>
/// <param name="Name">What it is, for people.</param>
/// <param name="Expression">How C says it.</param>
/// <param name="Value">What C# says.</param>
/// <param name="Guard">A macro without which the header does not know it, or null.</param>
internal sealed record AbiFact(string Name, string Expression, ulong Value, string? Guard = null);
