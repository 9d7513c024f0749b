namespace HvSdk.Linux.Tests.Guests;

/// <summary>The shell of a guest, driven through a console: a command in, its output up to the next prompt out.</summary>
internal sealed class GuestShell(GuestConsole console)
{
    public const string Prompt = "hvsdk# ";

    /// <summary>What the shell asks its terminal after each prompt: where the cursor is. Nobody need answer.</summary>
    private const string CursorQuestion = "\e[6n";

    /// <summary>The shell on the guest's serial console.</summary>
    public GuestShell(LinuxGuest guest)
        : this(guest.Console)
    {
    }

    /// <summary>Waits for the first prompt.</summary>
    public Task StartAsync() => console.ReadToAsync(Prompt);

    /// <summary>Has a command run.</summary>
    /// <returns>What it printed.</returns>
    public async Task<string> RunAsync(string command)
    {
        await console.WriteAsync($"{command}\n");
        string said = await console.ReadToAsync(Prompt);

        // The terminal echoes what is typed; what comes after that line is the answer.
        said = said.Replace(CursorQuestion, "", StringComparison.Ordinal).Replace("\r", "", StringComparison.Ordinal);
        int answer = said.IndexOf('\n', StringComparison.Ordinal) + 1;
        return said[answer..^Prompt.Length].TrimEnd('\n');
    }

    /// <summary>Has a command run whose echo may take several lines of the terminal.</summary>
    /// <returns>The last line that it printed.</returns>
    public async Task<string> RunForLineAsync(string command)
    {
        string said = await RunAsync(command);
        return said[(said.LastIndexOf('\n') + 1)..];
    }

    /// <summary>Types Control-C.</summary>
    public Task InterruptAsync() => console.WriteAsync("\x03");

    /// <summary>Leaves the shell: the guest goes on with what comes after it, which is to power off as a rule.</summary>
    public Task ExitAsync() => console.WriteAsync("exit\n");
}
