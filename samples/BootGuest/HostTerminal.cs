using System.Diagnostics;
using System.IO.Pipelines;

namespace HvSdk.Samples.BootGuest;

/// <summary>
/// The host's terminal, in raw mode while it is the guest's: every key goes to the guest, Ctrl-C too, but Ctrl-A X, which leaves. Where standard input is
/// no terminal, its bytes go to the guest as they are.
/// </summary>
internal sealed class HostTerminal : IDisposable
{
    private const byte Escape = 1; // Ctrl-A
    private readonly string? _settings;

    private HostTerminal(string? settings)
    {
        _settings = settings;
    }

    /// <summary>Takes the terminal over.</summary>
    public static HostTerminal Open()
    {
        if (Console.IsInputRedirected || Console.IsOutputRedirected)
        {
            return new HostTerminal(null);
        }

        string settings = Stty("-g");
        Stty("raw", "-echo");
        return new HostTerminal(settings);
    }

    /// <summary>Brings what is typed to the guest, until Ctrl-A X or the end of the input.</summary>
    /// <returns>True where the user wants to leave.</returns>
    public async Task<bool> TypeAsync(PipeWriter guest, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[4096];
        bool escaped = false;
        await using Stream input = Console.OpenStandardInput();
        int count;
        while ((count = await input.ReadAsync(buffer, cancellationToken)) > 0)
        {
            ReadOnlyMemory<byte> typed = buffer.AsMemory(0, count);
            if (_settings is not null && Filter(buffer.AsSpan(0, count), ref escaped, out typed))
            {
                return true;
            }

            await guest.WriteAsync(typed, cancellationToken); // waits while the guest does not read
        }

        return false;
    }

    /// <summary>Gives the terminal back as it was.</summary>
    public void Dispose()
    {
        if (_settings is not null)
        {
            Stty(_settings);
        }
    }

    private static bool Filter(Span<byte> keys, ref bool escaped, out ReadOnlyMemory<byte> typed)
    {
        var output = new List<byte>(keys.Length);
        foreach (byte key in keys)
        {
            if (escaped && (key | 0x20) == 'x')
            {
                typed = default;
                return true;
            }

            // Ctrl-A twice types one.
            bool isEscape = key == Escape && !escaped;
            if (!isEscape)
            {
                output.Add(key);
            }

            escaped = isEscape;
        }

        typed = output.ToArray();
        return false;
    }

    private static string Stty(params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("stty", arguments) { RedirectStandardOutput = true })!;
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return output.Trim();
    }
}
