using System.Buffers;

namespace HvSdk.Devices.Virtio;

/// <content>What a caller may ask for.</content>
public sealed partial class ConsoleDevice
{
    private const int MaxNameLength = 100;
    private const int MinBufferSize = 64;
    private const int MaxBufferSize = 1 << 30;

    private static readonly SearchValues<char> s_nameCharacters =
        SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:@+");

    private static void Validate(ConsolePortOptions options, ReadOnlySpan<ConsolePort> others, string parameter)
    {
        if (options.BufferSize is < MinBufferSize or > MaxBufferSize)
        {
            throw new ArgumentOutOfRangeException(
                parameter, options.BufferSize, $"{nameof(options.BufferSize)} is {options.BufferSize}. A port's buffers have {MinBufferSize} to {MaxBufferSize} bytes.");
        }

        ConsolePort.RequireSize(options.Columns, nameof(options.Columns));
        ConsolePort.RequireSize(options.Rows, nameof(options.Rows));
        if (options.Name is not { } name)
        {
            return;
        }

        if (name.Length is 0 or > MaxNameLength || name is "." or ".." || name.AsSpan().ContainsAnyExcept(s_nameCharacters))
        {
            throw new ArgumentException(
                $"'{name}' cannot be a port's name, which becomes a file's name in the guest. Use 1 to {MaxNameLength} ASCII letters, digits and . - _ : @ +", parameter);
        }

        foreach (ConsolePort other in others)
        {
            if (other.Name == name)
            {
                throw new ArgumentException($"Port {other.Number} has the name '{name}' already. Give each port a name of its own.", parameter);
            }
        }
    }
}
