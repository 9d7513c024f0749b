using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Threading.Channels;

namespace HvSdk.VirtualMachines.Live.Tests;

/// <summary>What a guest says on one of its outputs, kept whole, to be waited for by its text.</summary>
internal sealed class GuestText
{
    private readonly StringBuilder _text = new();
    private readonly Channel<bool> _news = Channel.CreateUnbounded<bool>();
    private readonly string _name;

    /// <summary>Reads an output to its end, which comes with the end of the machine.</summary>
    /// <param name="name">Which output, for messages.</param>
    /// <param name="output">The output.</param>
    public GuestText(string name, PipeReader output)
    {
        _name = name;
        End = ReadAsync(output);
    }

    /// <summary>Completes when the guest has said its last.</summary>
    public Task End { get; }

    public override string ToString()
    {
        lock (_text)
        {
            return _text.ToString();
        }
    }

    /// <summary>Waits until the guest has said something.</summary>
    /// <param name="expected">The text.</param>
    /// <param name="machine">The machine that should say it: its end ends the wait.</param>
    /// <param name="limit">The longest wait.</param>
    public async Task WaitForAsync(string expected, VirtualMachine machine, TimeSpan limit)
    {
        using var end = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        end.CancelAfter(limit);
        try
        {
            bool hasMore = true;
            while (!ToString().Contains(expected, StringComparison.Ordinal))
            {
                // Looked at once more after the end: the last words may come with it.
                if (!hasMore)
                {
                    Assert.Fail($"'{expected}' did not come on {_name}; the machine ended ({await machine.WaitForExitAsync(end.Token)}) and had said:{Environment.NewLine}{this}");
                }

                hasMore = await _news.Reader.WaitToReadAsync(end.Token);
                _news.Reader.TryRead(out _);
            }
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException($"Waited {limit.TotalSeconds:F0} s for '{expected}' on {_name}. {machine} has said:{Environment.NewLine}{this}");
        }
    }

    private async Task ReadAsync(PipeReader output)
    {
        while (true)
        {
            ReadResult result = await output.ReadAsync();
            lock (_text)
            {
                _text.Append(Encoding.Latin1.GetString(result.Buffer.ToArray()));
            }

            output.AdvanceTo(result.Buffer.End);
            if (result.IsCompleted)
            {
                _news.Writer.Complete();
                return;
            }

            _news.Writer.TryWrite(true);
        }
    }
}
