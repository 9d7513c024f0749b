namespace HvSdk.Live;

/// <summary>A class of tests of what AArch64 alone has. Where guests are x86-64 there is none of them: their suite has not changed (<see cref="ArchitectureTestFramework"/>).</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class Arm64OnlyAttribute : Attribute;
