using HvSdk.VirtualMachines;

namespace HvSdk.Samples.Sandbox;

/// <summary>What became of a command.</summary>
/// <param name="ExitCode">What it returned, 128 and more for a signal; null where it did not come to its end.</param>
/// <param name="StandardOutput">What it wrote there.</param>
/// <param name="StandardError">What it wrote there.</param>
/// <param name="IsTimedOut">The time was over, and the machine was stopped.</param>
/// <param name="Duration">How long it took, the boot included.</param>
/// <param name="End">How its machine ended.</param>
/// <param name="BootLog">What kernel and init said; empty where all went well.</param>
public sealed record SandboxResult(int? ExitCode, string StandardOutput, string StandardError, bool IsTimedOut, TimeSpan Duration, MachineEnd End, string BootLog);
