using System.Diagnostics;
using System.Text;
using Xunit;

namespace HvSdk.Live;

/// <summary>Runs programs, with a limit, and keeps what they say.</summary>
public static class Command
{
    /// <summary>Runs a program to its end; one that has not ended by the limit is killed with all that it started.</summary>
    /// <param name="start">The program, its arguments, folder and environment. It gets no input.</param>
    /// <param name="limit">How long it may take.</param>
    /// <exception cref="TimeoutException">It was still running; the text has what it said so far.</exception>
    public static async Task<CommandResult> RunAsync(ProcessStartInfo start, TimeSpan limit)
    {
        ArgumentNullException.ThrowIfNull(start);
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        var output = new StringBuilder();
        void Keep(string? line)
        {
            lock (output)
            {
                output.AppendLine(line);
            }
        }

        string command = $"{Path.GetFileName(start.FileName)} {string.Join(' ', start.ArgumentList)}";
        using var process = new Process { StartInfo = start };
        process.OutputDataReceived += (_, e) => Keep(e.Data);
        process.ErrorDataReceived += (_, e) => Keep(e.Data);
        process.Start();
        process.StandardInput.Close();
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();

        using var end = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        end.CancelAfter(limit);
        try
        {
            await process.WaitForExitAsync(end.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"'{command}' was still running after {limit.TotalMinutes:0.#} minutes. So far it said:{Environment.NewLine}{output}");
        }

        return new CommandResult(command, process.ExitCode, output.ToString());
    }
}
