namespace HvSdk.Packaging.Tests;

/// <summary>What a program said, and how it ended.</summary>
internal sealed record CommandResult(string Command, int ExitCode, string Output)
{
    public override string ToString() => $"{Command} ended with {ExitCode}:{Environment.NewLine}{Output}";
}
