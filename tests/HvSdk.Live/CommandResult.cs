namespace HvSdk.Live;

/// <summary>What a program said, and how it ended.</summary>
/// <param name="Command">The program and its arguments, for people.</param>
/// <param name="ExitCode">How it ended.</param>
/// <param name="Output">All that it wrote, to its standard output and its standard error.</param>
public sealed record CommandResult(string Command, int ExitCode, string Output)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Command} ended with {ExitCode}:{Environment.NewLine}{Output}";
}
