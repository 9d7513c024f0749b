namespace HvSdk.Linux.Tests.Guests;

/// <summary>The shell of a guest, driven through its console: a command in, its output up to the next prompt out.</summary>
internal sealed class GuestShell(LinuxGuest guest)
{
    public const string Prompt = "hvsdk# ";

    /// <summary>What the shell asks its terminal after each prompt: where the cursor is. Nobody need answer.</summary>
    private const string CursorQuestion = "\e[6n";

    /// <summary>Waits for the first prompt.</summary>
    public Task StartAsync() => guest.Console.ReadToAsync(Prompt);

    /// <summary>Has a command run.</summary>
    /// <returns>What it printed.</returns>
    public async Task<string> RunAsync(string command)
    {
        await guest.Console.WriteAsync($"{command}\n");
        string said = await guest.Console.ReadToAsync(Prompt);

        // The terminal echoes what is typed; what comes after that line is the answer.
        said = said.Replace(CursorQuestion, "", StringComparison.Ordinal).Replace("\r", "", StringComparison.Ordinal);
        int answer = said.IndexOf('\n', StringComparison.Ordinal) + 1;
        return said[answer..^Prompt.Length].TrimEnd('\n');
    }

    /// <summary>Types Control-C.</summary>
    public Task InterruptAsync() => guest.Console.WriteAsync("\x03");

    /// <summary>Leaves the shell, and the guest powers off.</summary>
    public Task ExitAsync() => guest.Console.WriteAsync("exit\n");
}
